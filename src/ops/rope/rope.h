// rope: rotary position embedding, NeoX pairing (i, i + n_rot/2) over the first n_rot dims of each head; the
// rest pass through. Text-only interleaved M-RoPE is the same function. YaRN as in Peng et al., arXiv
// 2309.00071.
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_rope;

struct RopeAttrs {
  int64_t n_rot;
  float base;
  float freq_scale;  // angle multiplier of linear scaling and of YaRN's interpolated part: 1 / factor
  float yarn_ext;    // 0: plain or linear; 1: YaRN ramp between interpolation and extrapolation
  float magnitude;   // multiplies cos and sin; 1 without YaRN
  float ramp_low, ramp_high;  // YaRN correction range in pair indices; unused when yarn_ext is 0
};

// x F32[n_tokens, n_heads, head_dim] (leading axes may be strided), positions I32[n_tokens] -> same shape,
// contiguous.
ValueId rope(GraphBuilder& builder, ValueId x, ValueId positions, const RopeAttrs& attrs);

}  // namespace gannet
