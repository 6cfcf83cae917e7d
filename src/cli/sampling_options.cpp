#include "cli/sampling_options.h"

#include <cstdlib>
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

void add_sampling_options(CLI::App& app, SamplingOptions& o) {
  app.add_option("--temp,--temperature", o.temperature,
                 "Temperature; 0: always the likeliest token (default: the file's, else 0.8)");
  app.add_option("--top-k", o.top_k, "Sample among the k likeliest; 0: all (default: the file's, else 40)");
  app.add_option("--top-p", o.top_p,
                 "Keep the likeliest until they reach this probability (default: the file's, else 0.95)");
  app.add_option("--min-p", o.min_p,
                 "Drop tokens below this share of the likeliest (default: the file's, else 0.05)");
  app.add_option("--repeat-penalty", o.repeat_penalty,
                 "Penalty for recent tokens; 1: none (default: the file's, else 1)");
  app.add_option("--repeat-last-n", o.repeat_last_n,
                 "How many tokens are recent; -1: all (default: the file's, else 64)");
  app.add_option("--presence-penalty", o.presence_penalty,
                 "Taken off the logits of recent tokens (default: the file's, else 0)");
  app.add_option("--frequency-penalty", o.frequency_penalty,
                 "The same for each occurrence (default: the file's, else 0)");
  app.add_option("-l,--logit-bias", o.logit_bias, "ID+BIAS or ID-BIAS, repeatable")->allow_extra_args(false);
  app.add_option("-s,--seed", o.seed, "Seed; the same seed gives the same answer. -1: from the system")
      ->capture_default_str();
}

Result<SamplingParams> sampling_params(const SamplingOptions& o, const GgufFile& file) {
  SamplingParams p;
  choose(p.temperature, o.temperature, file, "general.sampling.temp");
  choose(p.top_k, o.top_k, file, "general.sampling.top_k");
  choose(p.top_p, o.top_p, file, "general.sampling.top_p");
  choose(p.min_p, o.min_p, file, "general.sampling.min_p");
  choose(p.repeat_penalty, o.repeat_penalty, file, "general.sampling.penalty_repeat");
  choose(p.repeat_last_n, o.repeat_last_n, file, "general.sampling.penalty_last_n");
  choose(p.presence_penalty, o.presence_penalty, file, "general.sampling.penalty_present");
  choose(p.frequency_penalty, o.frequency_penalty, file, "general.sampling.penalty_freq");
  for (const std::string& text : o.logit_bias) p.logit_bias.push_back(GANNET_TRY(parse_bias(text)));
  p.seed = o.seed >= 0 ? static_cast<uint64_t>(o.seed) : std::random_device{}();
  return p;
}

}  // namespace gannet
