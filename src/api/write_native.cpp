// llama.cpp's /completion and /infill.
#include <algorithm>

#include "api/answer_state.h"
#include "api/sse.h"
#include "api/writers.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

const char* stop_type(AnswerEnd end) {
  switch (end) {
    case AnswerEnd::kStop:
      return "eos";
    case AnswerEnd::kStopText:
      return "word";
    case AnswerEnd::kLength:
    case AnswerEnd::kContextFull:
    case AnswerEnd::kTimeLimit:
      return "limit";
    default:
      return "none";
  }
}

// "generation_settings/n_predict" is n_predict of that object, put into the root.
Json only_fields(const std::vector<std::string>& fields, const Json& json) {
  Json chosen = Json::object();
  for (const std::string& field : fields) {
    const Json* at = &json;
    std::string name;
    for (size_t from = 0; at && from <= field.size();) {
      const size_t to = std::min(field.find('/', from), field.size());
      name = field.substr(from, to - from);
      const auto found = at->find(name);  // end() of what is no object
      at = found == at->end() ? nullptr : &*found;
      from = to + 1;
    }
    if (at) chosen[name] = *at;
  }
  return chosen;
}

class NativeWriter final : public StateWriter {
 public:
  NativeWriter(const GenerationRequest& request, AnswerIdentity identity)
      : StateWriter(request, std::move(identity)), said_(request.n_choices()) {}
  std::string ping() const override { return stream_ ? std::string(kSsePing) : std::string(); }
  std::string_view content_type() const override { return stream_ ? kEventStream : kJsonType; }

 private:
  static Json numbers(const std::vector<TokenReport>& tokens) {
    Json list = Json::array();
    for (const TokenReport& token : tokens) list.push_back(token.token);
    return list;
  }

  Json part(const AnswerState& state, std::string_view content,
            const std::vector<TokenReport>& tokens) const {
    return {{"index", state.choice},
            {"content", content},
            {"tokens", numbers(tokens)},
            {"stop", false},
            {"id_slot", state.started.slot},
            {"tokens_predicted", said_[state.choice]},
            {"tokens_evaluated", state.usage().prompt}};
  }

  void start(const AnswerState&, std::string*) override {}

  void progress(const PromptProgress& progress, std::string* out) override {
    Json json = part(state(progress.choice), "", {});
    json["prompt_progress"] = progress_json(progress);
    *out += sse_data(json);
  }

  void delta(const AnswerState&, const OutputDelta& delta, bool, std::string*) override {
    if (delta.kind == OutputDelta::Kind::kContent) text_ += delta.text;
  }

  void end_piece(const AnswerState& state, const AnswerPiece& piece, std::string* out) override {
    const std::string text = std::exchange(text_, {});
    said_[state.choice] += static_cast<int64_t>(piece.tokens.size());
    if (text.empty() && piece.tokens.empty()) return;
    Json json = part(state, text, piece.tokens);
    if (log_probs_) json["completion_probabilities"] = tokens_json(piece.tokens, post_sampling_);
    if (timings_per_token_ && piece.timings) json["timings"] = timings_json(*piece.timings);
    *out += sse_data(json);
  }

  Json result(const AnswerState& state) const {
    const AnswerFinished& end = *state.finished;
    const size_t prompt = state.choice / static_cast<size_t>(n_);
    const std::string content = state.content();
    Json json{{"index", state.choice},
              {"content", stream_ ? "" : content},
              {"tokens", return_tokens_ && !stream_ ? numbers(state.tokens) : Json::array()},
              {"id_slot", state.started.slot},
              {"stop", true},
              {"model", identity_.model},
              {"tokens_predicted", end.usage.completion},
              {"tokens_evaluated", end.usage.prompt},
              {"generation_settings", identity_.settings.is_null() ? Json::object() : identity_.settings},
              {"prompt", prompt < identity_.prompts.size() ? identity_.prompts[prompt] : ""},
              {"has_new_line", content.find('\n') != std::string::npos},
              {"truncated", end.end == AnswerEnd::kContextFull},
              {"stop_type", stop_type(end.end)},
              {"stopping_word", end.stop_text},
              {"tokens_cached", end.usage.cached},
              {"timings", timings_json(end.timings)}};
    if (!end.usage.uncached_reason.empty()) json["uncached_reason"] = end.usage.uncached_reason;
    if (!state.detail().empty()) json["stop_detail"] = state.detail();
    if (log_probs_ && !stream_) json["completion_probabilities"] = tokens_json(state.tokens, post_sampling_);
    return response_fields_.empty() ? json : only_fields(response_fields_, json);
  }

  void finish(const AnswerState& state, std::string* out) override { *out += sse_data(result(state)); }

  void fail(const ApiError& error, std::string* out) override {
    *out += "data: " + error_body(dialect_, error) + "\n\n";
  }

  Json whole() override {
    if (states().size() == 1) return result(states().front());
    Json list = Json::array();
    for (const AnswerState& state : states()) list.push_back(result(state));
    return list;
  }

  std::string text_;
  std::vector<int64_t> said_;  // tokens of each choice that were reported
};

}  // namespace

std::unique_ptr<AnswerWriter> make_native_writer(const GenerationRequest& request, AnswerIdentity identity) {
  return std::make_unique<NativeWriter>(request, std::move(identity));
}

}  // namespace gannet
