#include "cli/sampling_options.h"

#include <cstdlib>
#include <limits>
#include <random>

#include <fmt/format.h>

namespace gannet {
namespace {

template <class T>
void choose(T& value, const std::optional<T>& flag, const GgufFile& file, const char* key) {
  if (flag) {
    value = *flag;
    return;
  }
  if constexpr (std::is_same_v<T, float>) {
    if (auto stored = file.get_float(key); stored.ok() && stored->has_value())
      value = static_cast<float>(**stored);
  } else {
    auto stored = file.get_int(key);
    if (stored.ok() && stored->has_value() && **stored >= -1 && **stored <= 1'000'000)
      value = static_cast<T>(**stored);
  }
}

// visit(names, key in the model file, member of SamplingOptions, member of SamplingParams, smallest, largest,
// help) for each value that a flag or the file may give.
template <class F>
void each_setting(F visit) {
  using O = SamplingOptions;
  using P = SamplingParams;
  constexpr double kNone = std::numeric_limits<double>::infinity();
  visit("--temp,--temperature", "general.sampling.temp", &O::temperature, &P::temperature, 0, kNone,
        "Temperature; 0: always the likeliest token");
  visit("--top-k", "general.sampling.top_k", &O::top_k, &P::top_k, 0, kNone,
        "Sample among the k likeliest; 0: all");
  visit("--top-p", "general.sampling.top_p", &O::top_p, &P::top_p, 0, 1,
        "Keep the likeliest until they reach this probability");
  visit("--min-p", "general.sampling.min_p", &O::min_p, &P::min_p, 0, 1,
        "Drop tokens below this share of the likeliest");
  visit("--repeat-penalty", "general.sampling.penalty_repeat", &O::repeat_penalty, &P::repeat_penalty, 1e-6,
        kNone, "Penalty for recent tokens; 1: none");
  visit("--repeat-last-n", "general.sampling.penalty_last_n", &O::repeat_last_n, &P::repeat_last_n, -1, kNone,
        "How many tokens are recent; -1: all");
  visit("--presence-penalty", "general.sampling.penalty_present", &O::presence_penalty, &P::presence_penalty,
        -kNone, kNone, "Taken off the logits of recent tokens");
  visit("--frequency-penalty", "general.sampling.penalty_freq", &O::frequency_penalty, &P::frequency_penalty,
        -kNone, kNone, "The same for each occurrence");
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
  return LogitBias{static_cast<TokenId>(id), bias};
}

}  // namespace

void add_sampling_options(Options& options, SamplingOptions& s) {
  each_setting([&](const char* names, const char*, auto option, auto param, double least, double most,
                   const char* help) {
    options.push_back(
        {.names = names,
         .value = "N",
         .help = fmt::format("{} (default: the file's, else {})", help, SamplingParams{}.*param),
         .target = &(s.*option),
         .at_least = least,
         .at_most = most});
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
  each_setting([&](const char*, const char* key, auto option, auto param, double, double, const char*) {
    choose(p.*param, o.*option, file, key);
  });
  for (const std::string& text : o.logit_bias) p.logit_bias.push_back(GANNET_TRY(parse_bias(text)));
  p.seed = o.seed >= 0 ? static_cast<uint64_t>(o.seed) : std::random_device{}();
  return p;
}

}  // namespace gannet
