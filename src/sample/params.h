// What a request may ask of the sampler. Must not know: logits, models.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "text/vocabulary.h"

namespace gannet {

struct LogitBias {
  TokenId token;
  float bias;  // added to the logit; -infinity bans the token
};

// Steps are applied in this order: logit bias, penalties, top-k, top-p, min-p, temperature, draw.
struct SamplingParams {
  std::vector<LogitBias> logit_bias;
  float repeat_penalty =
      1.0f;  // > 1: logits of recent tokens are divided by it (multiplied when not positive)
  float presence_penalty = 0.0f;   // taken off once for each token among the recent ones
  float frequency_penalty = 0.0f;  // taken off for each time a token is among the recent ones
  int repeat_last_n = 64;          // how many tokens count as recent; 0: none, -1: all
  int top_k = 40;                  // keep the k likeliest; <= 0: all
  float top_p = 0.95f;             // keep the likeliest until their probability reaches this; 1: all
  float min_p = 0.05f;       // keep what has at least this share of the likeliest one's probability; 0: all
  float temperature = 0.8f;  // <= 0: always the likeliest token
  uint64_t seed = 0;

  bool has_penalties() const {
    return repeat_last_n != 0 &&
           (repeat_penalty != 1.0f || presence_penalty != 0.0f || frequency_penalty != 0.0f);
  }
};

// What a value of this parameter must be ("from 0 to 1"), when `value` is something else; null when it is
// that.
const char* must_be(float SamplingParams::*parameter, float value);
const char* must_be(int SamplingParams::*parameter, int value);

// An Error (kUsage) names the first parameter that is out of range. Biased tokens must be < n_vocab.
Result<void> check_params(const SamplingParams& params, int32_t n_vocab);

}  // namespace gannet
