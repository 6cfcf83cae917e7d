#include "sample/params.h"

#include <fmt/core.h>

#include <cmath>

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
  return parameter == &SamplingParams::repeat_last_n && value < -1 ? "-1 (all), 0 (none) or more" : nullptr;
}

Result<void> check_params(const SamplingParams& p, int32_t n_vocab) {
  for (const FloatRule& rule : kFloatRules)
    if (!rule.fits(p.*rule.parameter)) return out_of_range(rule.name, p.*rule.parameter, rule.must_be);
  if (const char* allowed = must_be(&SamplingParams::repeat_last_n, p.repeat_last_n))
    return out_of_range("repeat-last-n", p.repeat_last_n, allowed);
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
