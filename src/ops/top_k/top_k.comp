// Columns of the k largest values: a group per row, which looks for one after the other.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/maths.glsl"
#include "backend/vulkan/select.glsl"

layout(push_constant, scalar) uniform Arguments {
  F32 x;
  I32 y;
  uint x_row, n, k, n_rows;
} a;

void main() {
  const uint row = group_index();
  if (row >= a.n_rows) return;
  const uint x = row * a.x_row;
  const bool nan = row_has_nan(a.x, x, a.n);
  Place last = before_all();
  for (uint k = 0; k < a.k; ++k) {
    if (!nan) last = next_place(a.x, x, a.n, last);
    if (gl_LocalInvocationID.x == 0) a.y.v[row * a.k + k] = nan ? int(k) : last.column;
  }
}
