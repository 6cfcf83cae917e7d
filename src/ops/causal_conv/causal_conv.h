// causal_conv: depthwise convolution over time, no bias, then SiLU: y[t, c] = silu(sum_i w[c, i] * X[t - kc +
// 1 + i, c]) where X continues into the past through the conv state (the last kc-1 inputs before this run,
// zero at the start).
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_causal_conv;

// x F32[n_tokens, n_channels] (rows may be strided), w F32[n_channels, kc] (oldest tap first), state
// recurrent[kc - 1, n_channels] (oldest first, raw inputs) -> F32[n_tokens, n_channels]; the state moves on.
ValueId causal_conv(GraphBuilder& builder, ValueId x, ValueId w, ValueId state);

}  // namespace gannet
