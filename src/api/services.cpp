#include "api/services.h"

#include <fmt/core.h>

#include "api/fields.h"
#include "api/raw_prompt.h"
#include "api/sse.h"
#include "text/utf8.h"

namespace gannet {

using Json = nlohmann::ordered_json;

Result<TokenizeRequest> read_tokenize(const Json& body) {
  std::optional<Error> problem;
  const Fields fields(body, "", &problem);
  TokenizeRequest request;
  fields.needed_text("content", &request.content);
  fields.boolean("add_special", &request.add_special);
  fields.boolean("parse_special", &request.parse_special);
  fields.boolean("with_pieces", &request.with_pieces);
  if (problem) return *std::move(problem);
  return request;
}

std::string write_tokenize(std::span<const TokenPiece> tokens, bool with_pieces) {
  Json list = Json::array();
  for (const TokenPiece& token : tokens) {
    if (!with_pieces) {
      list.push_back(token.token);
      continue;
    }
    Json piece = token.text;
    if (utf8_valid_prefix(token.text) != token.text.size()) {
      piece = Json::array();
      for (const char c : token.text) piece.push_back(static_cast<unsigned char>(c));
    }
    list.push_back({{"id", token.token}, {"piece", std::move(piece)}});
  }
  return json_line(Json{{"tokens", std::move(list)}});
}

Result<std::vector<TokenId>> read_detokenize(const Json& body) {
  std::optional<Error> problem;
  const Fields fields(body, "", &problem);
  auto tokens = read_tokens(fields, "tokens");
  if (problem) return *std::move(problem);
  return tokens;
}

std::string write_detokenize(std::string_view text) {
  return json_line(Json{{"content", text}});
}

std::string write_apply_template(std::string_view prompt) {
  return json_line(Json{{"prompt", prompt}});
}

std::string write_token_count(Dialect dialect, int64_t n_tokens) {
  Json json = Json::object();
  if (dialect != Dialect::kMessages) json["object"] = "response.input_tokens";
  json["input_tokens"] = n_tokens;
  return json_line(json);
}

Result<ControlRequest> read_control(const Json& body) {
  std::optional<Error> problem;
  const Fields fields(body, "", &problem);
  ControlRequest request;
  fields.needed_text("id", &request.id);
  if (fields.ok() && !fields.has("action")) fields.fail("action", "is missing");
  fields.one_of("action", {"reasoning_end"});
  if (problem) return *std::move(problem);
  return request;
}

Json write_settings(const GenerationRequest& request, const SamplingParams& params) {
  const int64_t most = request.max_tokens.value_or(-1);
  Json bias = Json::array();
  for (const LogitBias& one : params.logit_bias) bias.push_back({{"token", one.token}, {"bias", one.bias}});
  Json steps = Json::array();
  for (const SamplingStep step : params.steps) {
    for (const SamplingStepName& name : kSamplingSteps)
      if (name.step == step) steps.push_back(name.name);
  }
  Json breakers = Json::array();
  if (request.sampling.dry_breakers) {
    breakers = *request.sampling.dry_breakers;
  } else {
    for (const std::string_view text : kDefaultDryBreakers) breakers.push_back(text);
  }
  return {{"seed", params.seed},
          {"temperature", params.temperature},
          {"dynatemp_range", params.dynatemp_range},
          {"dynatemp_exponent", params.dynatemp_exponent},
          {"top_k", params.top_k},
          {"top_p", params.top_p},
          {"min_p", params.min_p},
          {"top_n_sigma", params.top_n_sigma},
          {"xtc_probability", params.xtc_probability},
          {"xtc_threshold", params.xtc_threshold},
          {"typical_p", params.typical_p},
          {"repeat_last_n", params.repeat_last_n},
          {"repeat_penalty", params.repeat_penalty},
          {"presence_penalty", params.presence_penalty},
          {"frequency_penalty", params.frequency_penalty},
          {"dry_multiplier", params.dry_multiplier},
          {"dry_base", params.dry_base},
          {"dry_allowed_length", params.dry_allowed_length},
          {"dry_penalty_last_n", params.dry_penalty_last_n},
          {"dry_sequence_breakers", std::move(breakers)},
          {"mirostat", params.mirostat},
          {"mirostat_tau", params.mirostat_tau},
          {"mirostat_eta", params.mirostat_eta},
          {"adaptive_target", params.adaptive_target},
          {"adaptive_decay", params.adaptive_decay},
          {"stop", request.stop},
          {"max_tokens", most},
          {"n_predict", most},
          {"ignore_eos", request.ignore_eos},
          {"stream", request.stream},
          {"logit_bias", std::move(bias)},
          {"n_probs", request.top_log_probs},
          {"min_keep", params.min_keep},
          {"grammar", request.format.kind == OutputFormat::Kind::kGrammar ? request.format.text : ""},
          {"samplers", std::move(steps)},
          {"timings_per_token", request.timings_per_token},
          {"post_sampling_probs", request.post_sampling}};
}

}  // namespace gannet
