// y = exp(x - max x) / sum, with a mask added to x or none: a group per row.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/maths.glsl"

layout(constant_id = 1) const uint kMasked = 0;

layout(push_constant, scalar) uniform Arguments {
  Tensor x;
  F32 mask, y;
  uint mask_row, rows_of_mask;
  uint n, n_rows;
} a;

void main() {
  const uint row = group_index();
  if (row >= a.n_rows) return;
  const uint x = row_at(a.x, row), y = row * a.n, mask = row % a.rows_of_mask * a.mask_row;
  const uint first = gl_LocalInvocationID.x, step = gl_WorkGroupSize.x;
  float most = -infinity();
  for (uint i = first; i < a.n; i += step) {
    float value = a.x.at.v[x + i];
    if (kMasked != 0) value += a.mask.v[mask + i];
    most = max(most, value);
  }
  most = group_max(most);
  float sum = 0;
  for (uint i = first; i < a.n; i += step) {
    float value = a.x.at.v[x + i];
    if (kMasked != 0) value += a.mask.v[mask + i];
    value = exact_exp(value - most);
    a.y.v[y + i] = value;
    sum += value;
  }
  sum = group_sum(sum);
  // Each invocation reads back what it wrote.
  for (uint i = first; i < a.n; i += step) a.y.v[y + i] = a.y.v[y + i] / sum;
}
