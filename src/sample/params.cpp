#include "sample/params.h"

#include <fmt/core.h>

#include <cmath>

namespace gannet {
namespace {

Error out_of_range(std::string_view name, double value, std::string_view allowed) {
  return Error(ErrorCode::kUsage, fmt::format("{} is {}; it must be {}", name, value, allowed));
}

}  // namespace

Result<void> check_params(const SamplingParams& p, int32_t n_vocab) {
  // Written so that NaN fails every test.
  if (!std::isfinite(p.temperature)) return out_of_range("temperature", p.temperature, "a finite number");
  if (!(p.top_p >= 0 && p.top_p <= 1)) return out_of_range("top-p", p.top_p, "from 0 to 1");
  if (!(p.min_p >= 0 && p.min_p <= 1)) return out_of_range("min-p", p.min_p, "from 0 to 1");
  if (!(p.repeat_penalty > 0 && std::isfinite(p.repeat_penalty))) {
    return out_of_range("repeat-penalty", p.repeat_penalty, "a number above 0");
  }
  if (!std::isfinite(p.presence_penalty)) {
    return out_of_range("presence-penalty", p.presence_penalty, "a finite number");
  }
  if (!std::isfinite(p.frequency_penalty)) {
    return out_of_range("frequency-penalty", p.frequency_penalty, "a finite number");
  }
  if (p.repeat_last_n < -1)
    return out_of_range("repeat-last-n", p.repeat_last_n, "-1 (all), 0 (none) or more");
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
