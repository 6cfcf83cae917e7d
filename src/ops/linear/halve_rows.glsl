// Rows of activations as halves, for matrices.comp: an invocation per eight.
#include "backend/vulkan/halves.glsl"

layout(constant_id = 1) const bool kAligned = false;  // rows begin at multiples of 16 bytes

layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer F32x4 { vec4 v[]; };
layout(buffer_reference, scalar, buffer_reference_align = 16) writeonly buffer Halves { uvec4 v[]; };

layout(push_constant, scalar) uniform Arguments {
  F32 x;
  Halves halves;
  StepRows rows;
  uint n_in, n_rows, x_stride;
} a;

void main() {
  const uint i = invocation_index(), eights = a.n_in / 8, row = i / eights;
  if (row >= live_of(a.rows, a.n_rows)) return;
  const uint at = row * a.x_stride + i % eights * 8;
  vec4 low, high;
  if (kAligned) {
    low = F32x4(a.x).v[at / 4];
    high = F32x4(a.x).v[at / 4 + 1];
  } else {
    low = vec4(a.x.v[at], a.x.v[at + 1], a.x.v[at + 2], a.x.v[at + 3]);
    high = vec4(a.x.v[at + 4], a.x.v[at + 5], a.x.v[at + 6], a.x.v[at + 7]);
  }
  a.halves.v[i] = eight_halves(in_half(low), in_half(high));
}
