#include "cli/sampling_options.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <utility>

#include <fmt/format.h>

namespace gannet {
namespace {

// The number that the file stores under `key`. An integer may stand for a float.
Result<std::optional<float>> stored_number(const GgufFile& file, const char* key, float) {
  const GgufValue* value = file.find(key);
  if (value != nullptr)
    if (const auto whole = value->as_int()) return std::optional(static_cast<float>(*whole));
  const auto number = GANNET_TRY(file.get_float(key));
  return number ? std::optional(static_cast<float>(*number)) : std::nullopt;
}
Result<std::optional<int>> stored_number(const GgufFile& file, const char* key, int) {
  const auto number = GANNET_TRY(file.get_int(key));
  if (!number) return std::optional<int>();
  if (std::in_range<int>(*number)) return std::optional(static_cast<int>(*number));
  return Error(ErrorCode::kModelFile,
               fmt::format("{}: {} is {}; that is beyond any use", file.path(), key, *number));
}

// The parameter from the flag, else from the file. A value that cannot be is the error of whoever gave it.
template <class T>
Result<void> choose(SamplingParams& p, T SamplingParams::*parameter, const std::optional<T>& flag,
                    std::string_view flags, const GgufFile& file, const char* key) {
  const std::string_view name = flags.substr(0, flags.find(','));
  if (flag) {
    p.*parameter = *flag;
    const char* allowed = must_be(parameter, *flag);
    if (allowed == nullptr) return {};
    return Error(ErrorCode::kUsage, fmt::format("{} {}: must be {}", name, *flag, allowed));
  }
  const auto value = GANNET_TRY(stored_number(file, key, T{}));
  if (!value) return {};
  p.*parameter = *value;
  const char* allowed = must_be(parameter, *value);
  // People ask for the likeliest token by a negative number; a file that holds one is damaged.
  if constexpr (std::is_same_v<T, float>)
    if (parameter == &SamplingParams::temperature && *value < 0) allowed = "0 or more";
  if (allowed == nullptr) return {};
  return Error(ErrorCode::kModelFile, fmt::format("{}: {} is {}; it must be {} ({} overrides it)",
                                                  file.path(), key, *value, allowed, name));
}

// visit(flags, key in the model file, member of SamplingOptions, member of SamplingParams, help) for each
// value that a flag or the file may give.
template <class F>
void each_setting(F visit) {
  using O = SamplingOptions;
  using P = SamplingParams;
  visit("--temp,--temperature", "general.sampling.temp", &O::temperature, &P::temperature,
        "Temperature; 0: always the likeliest token");
  visit("--top-k", "general.sampling.top_k", &O::top_k, &P::top_k, "Sample among the k likeliest; 0: all");
  visit("--top-p", "general.sampling.top_p", &O::top_p, &P::top_p,
        "Keep the likeliest until they reach this probability");
  visit("--min-p", "general.sampling.min_p", &O::min_p, &P::min_p,
        "Drop tokens below this share of the likeliest");
  visit("--repeat-penalty", "general.sampling.penalty_repeat", &O::repeat_penalty, &P::repeat_penalty,
        "Penalty for recent tokens; 1: none");
  visit("--repeat-last-n", "general.sampling.penalty_last_n", &O::repeat_last_n, &P::repeat_last_n,
        "How many tokens are recent; -1: all");
  visit("--presence-penalty", "general.sampling.penalty_present", &O::presence_penalty, &P::presence_penalty,
        "Taken off the logits of recent tokens");
  visit("--frequency-penalty", "general.sampling.penalty_freq", &O::frequency_penalty, &P::frequency_penalty,
        "The same for each occurrence");
}

Result<LogitBias> parse_bias(const std::string& text) {
  char* end = nullptr;
  const long id = std::strtol(text.c_str(), &end, 10);
  const char* sign = end;
  if (end == text.c_str() || (*sign != '+' && *sign != '-'))
    return Error(
        ErrorCode::kUsage,
        fmt::format("--logit-bias {}: write ID+BIAS or ID-BIAS, for example 15043+1 or 15043-inf", text));
  const float bias = std::strtof(sign, &end);
  if (*end != 0 || end == sign + 1)
    return Error(ErrorCode::kUsage, fmt::format("--logit-bias {}: \"{}\" is no number", text, sign));
  if (id < 0 || id > std::numeric_limits<TokenId>::max())
    return Error(ErrorCode::kUsage, fmt::format("--logit-bias {}: there is no such token", text));
  if (!(bias < INFINITY))
    return Error(ErrorCode::kUsage, fmt::format("--logit-bias {}: the bias must be a number or -inf", text));
  return LogitBias{static_cast<TokenId>(id), bias};
}

}  // namespace

void add_sampling_options(Options& options, SamplingOptions& s) {
  each_setting([&](const char* names, const char*, auto option, auto param, const char* help) {
    options.push_back(
        {.names = names,
         .value = "N",
         .help = fmt::format("{} (default: the file's, else {})", help, SamplingParams{}.*param),
         .target = &(s.*option)});
  });
  options.push_back({.names = "-l,--logit-bias",
                     .value = "ID+BIAS",
                     .help = "Or ID-BIAS: added to the logit of a token; may be repeated",
                     .target = &s.logit_bias});
  options.push_back({.names = "--ignore-eos",
                     .help = "Go on past the end of the answer, up to -n tokens",
                     .target = &s.ignore_eos});
  options.push_back({.names = "-s,--seed",
                     .value = "N",
                     .help = "The same seed gives the same answer; -1: one from the system",
                     .target = &s.seed,
                     .at_least = -1});
}

Result<SamplingParams> sampling_params(const SamplingOptions& o, const GgufFile& file) {
  SamplingParams p;
  Result<void> status;
  each_setting([&](const char* flags, const char* key, auto option, auto param, const char*) {
    if (status.ok()) status = choose(p, param, o.*option, flags, file, key);
  });
  if (!status.ok()) return status.take_error();
  for (const std::string& text : o.logit_bias) p.logit_bias.push_back(GANNET_TRY(parse_bias(text)));
  p.seed = o.seed >= 0 ? static_cast<uint64_t>(o.seed) : std::random_device{}();
  return p;
}

void forbid_ends(SamplingParams& params, const Vocabulary& vocabulary) {
  for (TokenId id = 0; id < static_cast<TokenId>(vocabulary.size()); ++id)
    if (vocabulary.is_end(id)) params.logit_bias.push_back({id, -std::numeric_limits<float>::infinity()});
}

}  // namespace gannet
