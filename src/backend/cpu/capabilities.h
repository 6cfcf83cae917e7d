// What the CPU's kernels can do, for the passes and for the kernels themselves.
#pragma once

#include "backend/api/capabilities.h"

namespace gannet {

// delta_mixer is made for decoding and small verification batches: with more tokens the chunked recurrence is
// faster.
inline constexpr int64_t kCpuDeltaMixerTokens = 16;

inline constexpr Capabilities kCpuCapabilities = {.takes_rounded_activations = true,
                                                  .delta_mixer_tokens = kCpuDeltaMixerTokens};

}  // namespace gannet
