#include "cli/sampling_options.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "engine/sampling_defaults.h"
#include "sample/dry.h"

namespace gannet {
namespace {

// The parameter from the flag, if it was given. A value that cannot be is refused by the name of the flag.
template <class T>
Result<void> choose(SamplingParams& p, T SamplingParams::*parameter, const std::optional<T>& flag,
                    std::string_view flags) {
  if (!flag) return {};
  p.*parameter = *flag;
  const char* allowed = must_be(parameter, *flag);
  if (allowed == nullptr) return {};
  return Error(ErrorCode::kUsage,
               fmt::format("{} {}: must be {}", flags.substr(0, flags.find(',')), *flag, allowed));
}

constexpr const char* kMore = "Sampling, less common";

// A step that was asked for is done, even when the order that the file wants does not have it.
void add_missing_steps(SamplingParams& p, const SamplingOptions& o) {
  const std::pair<SamplingStep, bool> asked[] = {
      {SamplingStep::kPenalties, o.repeat_penalty || o.presence_penalty || o.frequency_penalty},
      {SamplingStep::kDry, o.dry_multiplier.has_value()},
      {SamplingStep::kTopNSigma, o.top_n_sigma.has_value()},
      {SamplingStep::kTopK, o.top_k.has_value()},
      {SamplingStep::kTypicalP, o.typical_p.has_value()},
      {SamplingStep::kTopP, o.top_p.has_value()},
      {SamplingStep::kMinP, o.min_p.has_value()},
      {SamplingStep::kXtc, o.xtc_probability.has_value()},
      {SamplingStep::kTemperature, o.temperature || o.dynatemp_range},
      {SamplingStep::kAdaptiveP, o.adaptive_target.has_value()}};
  for (const auto& [step, wanted] : asked)
    if (wanted && !p.has(step))
      p.steps.insert(std::ranges::find_if(p.steps, [at = step](SamplingStep s) { return s > at; }), step);
}

// What files have no key for.
bool only_ours(float SamplingParams::*p) {
  using P = SamplingParams;
  return p == &P::typical_p || p == &P::top_n_sigma || p == &P::dynatemp_range ||
         p == &P::dynatemp_exponent || p == &P::dry_multiplier || p == &P::dry_base ||
         p == &P::adaptive_target || p == &P::adaptive_decay;
}
bool only_ours(int SamplingParams::*p) {
  using P = SamplingParams;
  return p == &P::min_keep || p == &P::dry_allowed_length || p == &P::dry_penalty_last_n;
}

// visit(flags, member of SamplingOptions, member of SamplingParams, help, heading) for each value that a flag
// may give.
template <class F>
void each_setting(F visit) {
  using O = SamplingOptions;
  using P = SamplingParams;
  visit("--temp,--temperature", &O::temperature, &P::temperature,
        "Temperature; 0: always the likeliest token", "");
  visit("--top-k", &O::top_k, &P::top_k, "Sample among the k likeliest; 0: all", "");
  visit("--top-p", &O::top_p, &P::top_p, "Keep the likeliest until they reach this probability", "");
  visit("--min-p", &O::min_p, &P::min_p, "Drop tokens below this share of the likeliest", "");
  visit("--repeat-penalty", &O::repeat_penalty, &P::repeat_penalty, "Penalty for recent tokens; 1: none", "");
  visit("--repeat-last-n", &O::repeat_last_n, &P::repeat_last_n, "How many tokens are recent; -1: all", "");
  visit("--presence-penalty", &O::presence_penalty, &P::presence_penalty,
        "Taken off the logits of recent tokens", "");
  visit("--frequency-penalty", &O::frequency_penalty, &P::frequency_penalty, "The same for each occurrence",
        "");

  visit("--min-keep", &O::min_keep, &P::min_keep,
        "top-p, min-p, typical-p and XTC leave at least so many tokens", kMore);
  visit("--typical-p,--typical", &O::typical_p, &P::typical_p,
        "Keep the tokens nearest to the expected surprise, up to this probability; 1: all", kMore);
  visit("--top-n-sigma,--top-nsigma", &O::top_n_sigma, &P::top_n_sigma,
        "Keep logits within so many standard deviations of the highest; -1: all", kMore);
  visit("--xtc-probability", &O::xtc_probability, &P::xtc_probability,
        "How often XTC drops the likeliest tokens; 0: never", kMore);
  visit("--xtc-threshold", &O::xtc_threshold, &P::xtc_threshold,
        "XTC drops all tokens of this probability but the least likely of them", kMore);
  visit("--dynatemp-range", &O::dynatemp_range, &P::dynatemp_range,
        "The temperature goes up and down by so much with the entropy; 0: off", kMore);
  visit("--dynatemp-exp", &O::dynatemp_exponent, &P::dynatemp_exponent, "Exponent of the entropy there",
        kMore);
  visit("--dry-multiplier", &O::dry_multiplier, &P::dry_multiplier,
        "DRY: what going on with a repetition costs; 0: off", kMore);
  visit("--dry-base", &O::dry_base, &P::dry_base, "Each further token repeated costs so many times as much",
        kMore);
  visit("--dry-allowed-length", &O::dry_allowed_length, &P::dry_allowed_length,
        "Tokens that may be repeated for nothing", kMore);
  visit("--dry-penalty-last-n", &O::dry_penalty_last_n, &P::dry_penalty_last_n,
        "Tokens in which repetitions are looked for; -1: all", kMore);
  visit("--adaptive-target", &O::adaptive_target, &P::adaptive_target,
        "Adaptive-p: prefer tokens near this probability; -1: off", kMore);
  visit("--adaptive-decay", &O::adaptive_decay, &P::adaptive_decay,
        "How slowly its running average forgets, up to 0.99", kMore);
  visit("--mirostat", &O::mirostat, &P::mirostat,
        "Version 1 or 2, in place of all steps but penalties, DRY and temperature; 0: off", kMore);
  visit("--mirostat-ent", &O::mirostat_tau, &P::mirostat_tau, "Wanted surprise in bits (tau)", kMore);
  visit("--mirostat-lr", &O::mirostat_eta, &P::mirostat_eta, "Learning rate (eta)", kMore);
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
  each_setting([&](const char* names, auto option, auto param, const char* help, const char* group) {
    options.push_back(
        {.names = names,
         .value = "N",
         .help = fmt::format("{} (default: {}{})", help, only_ours(param) ? "" : "the file's, else ",
                             SamplingParams{}.*param),
         .target = &(s.*option),
         .group = group});
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
  options.push_back({.names = "--samplers",
                     .value = "NAMES",
                     .help = "The steps in their order, as in top_k;top_p;temperature; others are not done",
                     .target = &s.samplers,
                     .excludes = "--sampling-seq",
                     .group = kMore});
  options.push_back({.names = "--sampling-seq,--sampler-seq",
                     .value = "LETTERS",
                     .help = fmt::format("The same by letters (default: the file's, else {})",
                                         step_letters(default_steps())),
                     .target = &s.sampling_sequence,
                     .group = kMore});
  options.push_back({.names = "--dry-sequence-breaker",
                     .value = "TEXT",
                     .help =
                         "Repetitions do not reach over it; may be repeated; none: there is none (default: "
                         "line break, colon, quote, asterisk)",
                     .target = &s.dry_breakers,
                     .group = kMore});
}

Result<SamplingParams> sampling_params(const SamplingOptions& o, const GgufFile& file) {
  SamplingParams p = read_sampling_defaults(file).params;
  Result<void> status;
  each_setting([&](const char* flags, auto option, auto param, const char*, const char*) {
    if (status.ok()) status = choose(p, param, o.*option, flags);
  });
  if (!status.ok()) return status.take_error();
  const auto steps = [&](const char* flag, Result<std::vector<SamplingStep>> read) -> Result<void> {
    if (!read.ok()) return read.take_error().with_context(flag);
    p.steps = read.take();
    return {};
  };
  if (o.samplers) GANNET_TRY(steps("--samplers", steps_from_names(*o.samplers)));
  if (o.sampling_sequence) GANNET_TRY(steps("--sampling-seq", steps_from_letters(*o.sampling_sequence)));
  if (!o.samplers && !o.sampling_sequence) add_missing_steps(p, o);
  for (const std::string& text : o.logit_bias) p.logit_bias.push_back(GANNET_TRY(parse_bias(text)));
  p.seed = o.seed >= 0 ? static_cast<uint64_t>(o.seed) : std::random_device{}();
  return p;
}

Result<void> finish_params(SamplingParams& p, const SamplingOptions& o, const Vocabulary& vocabulary) {
  if (o.ignore_eos) forbid_ends(p, vocabulary);
  if (!p.has_dry()) return {};
  std::vector<std::string> breakers = o.dry_breakers;
  if (breakers.empty()) breakers.assign(std::begin(kDefaultDryBreakers), std::end(kDefaultDryBreakers));
  if (breakers.size() == 1 && breakers[0] == "none") return {};
  auto made = DryBreakers::create(vocabulary, breakers);
  if (!made.ok()) return made.take_error().with_context("--dry-sequence-breaker");
  p.dry_breakers = made.take();
  return {};
}

}  // namespace gannet
