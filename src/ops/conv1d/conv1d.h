// conv1d: depthwise convolution over time without padding: y[c, t] = sum_i w[c, i] x[c, t + i].
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_conv1d;

// Which axis of x and y is time.
enum class Conv1dTime : int32_t { kLast, kFirst };

struct Conv1dAttrs {
  Conv1dTime time;
};

// x F32[n_channels, L] (time last) or F32[L, n_channels] (time first), rows may be strided; w F32[n_channels,
// taps], contiguous -> contiguous F32[n_channels, L - taps + 1] or F32[L - taps + 1, n_channels].
ValueId conv1d(GraphBuilder& builder, ValueId x, ValueId w, Conv1dTime time);

}  // namespace gannet
