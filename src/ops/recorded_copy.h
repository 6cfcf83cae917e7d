// Copies by a device with recordings: the shader of copy, for the ops that are copies themselves.
#pragma once

#include "backend/api/axes.h"

namespace gannet {

// to = from along the axes of {from, to}.
inline void record_copy(Recorder& recorder, const void* from, const void* to, const Axes<2>& axes) {
  DispatchArguments arguments;
  arguments.address(from).address(to).u32(axes.elements());
  axes.put(arguments);
  const uint32_t constants[] = {kGroup, axes.count()};
  recorder.dispatch({"copy", constants, groups_of_elements(axes.elements()), arguments.bytes()});
}

}  // namespace gannet
