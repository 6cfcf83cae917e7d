#include "sample/params.h"

#include <fmt/core.h>

#include <cmath>
#include <limits>

namespace gannet {
namespace {

// Written so that NaN fails every test.
bool is_share(float value) {
  return value >= 0 && value <= 1;
}
bool is_positive(float value) {
  return value > 0 && std::isfinite(value);
}
bool is_finite(float value) {
  return std::isfinite(value);
}
bool is_not_negative(float value) {
  return value >= 0 && std::isfinite(value);
}
bool is_base(float value) {
  return value >= 1 && std::isfinite(value);
}
bool is_target(float value) {
  return value <= 1;
}
bool is_decay(float value) {
  return value >= 0 && value <= 0.99f;
}

struct FloatRule {
  float SamplingParams::*parameter;
  const char* name;
  bool (*fits)(float);
  const char* must_be;
};
constexpr FloatRule kFloatRules[] = {
    {&SamplingParams::temperature, "temperature", is_finite, "a finite number"},
    {&SamplingParams::top_p, "top-p", is_share, "from 0 to 1"},
    {&SamplingParams::min_p, "min-p", is_share, "from 0 to 1"},
    {&SamplingParams::repeat_penalty, "repeat-penalty", is_positive, "a number above 0"},
    {&SamplingParams::presence_penalty, "presence-penalty", is_finite, "a finite number"},
    {&SamplingParams::frequency_penalty, "frequency-penalty", is_finite, "a finite number"},
    {&SamplingParams::dry_multiplier, "dry-multiplier", is_not_negative, "0 or more"},
    {&SamplingParams::dry_base, "dry-base", is_base, "1 or more"},
    {&SamplingParams::top_n_sigma, "top-n-sigma", is_finite, "a finite number"},
    {&SamplingParams::typical_p, "typical-p", is_share, "from 0 to 1"},
    {&SamplingParams::xtc_probability, "xtc-probability", is_share, "from 0 to 1"},
    {&SamplingParams::xtc_threshold, "xtc-threshold", is_share, "from 0 to 1"},
    {&SamplingParams::dynatemp_range, "dynatemp-range", is_not_negative, "0 or more"},
    {&SamplingParams::dynatemp_exponent, "dynatemp-exp", is_not_negative, "0 or more"},
    {&SamplingParams::adaptive_target, "adaptive-target", is_target, "from 0 to 1, or negative (off)"},
    {&SamplingParams::adaptive_decay, "adaptive-decay", is_decay, "from 0 to 0.99"},
    {&SamplingParams::mirostat_tau, "mirostat-ent", is_not_negative, "0 or more"},
    {&SamplingParams::mirostat_eta, "mirostat-lr", is_share, "from 0 to 1"},
};

struct IntRule {
  int SamplingParams::*parameter;
  const char* name;
  int least, most;
  const char* must_be;
};
constexpr int kNoMost = std::numeric_limits<int>::max();
constexpr IntRule kIntRules[] = {
    {&SamplingParams::repeat_last_n, "repeat-last-n", -1, kNoMost, "-1 (all), 0 (none) or more"},
    {&SamplingParams::min_keep, "min-keep", 0, kNoMost, "0 or more"},
    {&SamplingParams::dry_allowed_length, "dry-allowed-length", 0, kNoMost, "0 or more"},
    {&SamplingParams::dry_penalty_last_n, "dry-penalty-last-n", -1, kNoMost, "-1 (all), 0 (none) or more"},
    {&SamplingParams::mirostat, "mirostat", 0, 2, "0 (off), 1 or 2"},
};

template <class T>
Error out_of_range(std::string_view name, T value, std::string_view allowed) {
  return Error(ErrorCode::kUsage, fmt::format("{} is {}; it must be {}", name, value, allowed));
}

}  // namespace

const char* must_be(float SamplingParams::*parameter, float value) {
  for (const FloatRule& rule : kFloatRules)
    if (rule.parameter == parameter && !rule.fits(value)) return rule.must_be;
  return nullptr;
}

const char* must_be(int SamplingParams::*parameter, int value) {
  for (const IntRule& rule : kIntRules)
    if (rule.parameter == parameter && (value < rule.least || value > rule.most)) return rule.must_be;
  return nullptr;
}

Result<void> check_params(const SamplingParams& p, int32_t n_vocab) {
  for (const FloatRule& rule : kFloatRules)
    if (!rule.fits(p.*rule.parameter)) return out_of_range(rule.name, p.*rule.parameter, rule.must_be);
  for (const IntRule& rule : kIntRules)
    if (const char* allowed = must_be(rule.parameter, p.*rule.parameter))
      return out_of_range(rule.name, p.*rule.parameter, allowed);
  for (const LogitBias& entry : p.logit_bias) {
    if (entry.token < 0 || entry.token >= n_vocab) {
      return Error(
          ErrorCode::kUsage,
          fmt::format("logit-bias names token {}, but the vocabulary has {} tokens", entry.token, n_vocab));
    }
    if (!(entry.bias < INFINITY)) {
      return out_of_range(fmt::format("logit-bias of token {}", entry.token), entry.bias, "a number or -inf");
    }
  }
  return {};
}

}  // namespace gannet
