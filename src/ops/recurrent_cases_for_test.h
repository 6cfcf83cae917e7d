// Cases of ops with recurrent state, of so many tokens, which tests cut into steps.
#pragma once

#include "ops/case_operands.h"
#include "ops/causal_conv/causal_conv.h"
#include "ops/delta_mixer/delta_mixer.h"
#include "ops/gated_delta_rule/gated_delta_rule.h"

namespace gannet {

struct RecurrentCases {
  int64_t n_tokens;

  OpCase conv(const char* name, int64_t channels, int64_t taps) const {
    return {&kOp_causal_conv,
            name,
            {normal(Shape(n_tokens, channels)), parameter(Shape(channels, taps), -1, 1),
             recurrent(Shape(taps - 1, channels))},
            {}};
  }

  OpCase delta(const char* name, int64_t key_heads, int64_t heads, int64_t s, HeadMap map) const {
    const Shape key(n_tokens, key_heads, s), logits(n_tokens, heads);
    return {&kOp_gated_delta_rule,
            name,
            {normal(key), normal(key), normal(Shape(n_tokens, heads, s)), uniform(logits, -6, 1),
             normal(logits, 2), parameter(Shape(heads), -8, -0.5), parameter(Shape(heads), -1, 1),
             recurrent(Shape(heads, s, s), 0.3)},
            pack_attrs(GatedDeltaRuleAttrs{1e-6f, map})};
  }

  OpCase mixer(const char* name, int64_t key_heads, int64_t heads, int64_t s, int64_t taps,
               HeadMap map) const {
    const int64_t channels = (2 * key_heads + heads) * s;
    return {&kOp_delta_mixer,
            name,
            {normal(Shape(n_tokens, channels)), normal(Shape(n_tokens, heads * s)),
             uniform(Shape(n_tokens, heads), -6, 2), normal(Shape(n_tokens, heads), 2),
             parameter(Shape(channels, taps), -1, 1), parameter(Shape(heads), -8, -0.5),
             parameter(Shape(heads), -1, 1), parameter(Shape(s), 0.5, 1.5),
             recurrent(Shape(taps - 1, channels)), recurrent(Shape(heads, s, s), 0.3)},
            pack_attrs(DeltaMixerAttrs{1e-6f, map})};
  }
};

}  // namespace gannet
