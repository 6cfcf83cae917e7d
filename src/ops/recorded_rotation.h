// Rotation by position by a device with recordings: the host's side of rope/rotation.glsl, for the ops that
// rotate.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "backend/api/recorder.h"
#include "ops/rope/rope.h"

namespace gannet {

inline constexpr size_t kRotationConstants = 8;

const char* refuses_rotation(const RopeAttrs& attrs);
// `start` and `ratio` there.
void add_rotation(DispatchArguments& arguments, const RopeAttrs& attrs);
std::array<uint32_t, kRotationConstants> rotation_constants(const RopeAttrs& attrs);

}  // namespace gannet
