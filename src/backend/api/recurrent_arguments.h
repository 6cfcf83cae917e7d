// Recurrent states as arguments of recorded kernels: the host's side of backend/vulkan/recurrent.glsl.
#pragma once

#include "backend/api/device_step.h"
#include "backend/api/kernel_arguments.h"
#include "backend/api/state_view.h"

namespace gannet {

// Segments are walked by so many groups at most, each taking every such one.
inline constexpr int64_t kMostSegmentGroups = 64;

// Groups that a step of n_rows needs when each takes a block of rows of a segment; some may have none.
inline constexpr int64_t kBlockRows = 8;
inline int64_t segment_blocks(int64_t n_rows) {
  return n_rows / kBlockRows + (n_rows < kMostDeviceSegments ? n_rows : kMostDeviceSegments);
}

inline DispatchArguments& add_recurrent(DispatchArguments& arguments, const RecurrentView& state) {
  return arguments.u32(state.base_offset / 4).u32(state.ring_offset / 4).u32(state.entry_floats());
}

}  // namespace gannet
