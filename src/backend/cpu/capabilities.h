// What the CPU's kernels can do, for the passes and for the kernels themselves.
#pragma once

#include "backend/api/capabilities.h"
#include "backend/api/kernel.h"

namespace gannet {

// delta_mixer goes token by token, as rows that must be exact do anyway: with more tokens the chunked
// recurrence is faster.
inline constexpr int64_t kCpuDeltaMixerTokens = kExactRows;

inline constexpr Capabilities kCpuCapabilities = {.takes_rounded_activations = true,
                                                  .delta_mixer_tokens = kCpuDeltaMixerTokens};

}  // namespace gannet
