// y = exp(x - max x) / sum, with a mask added to x or none: a group per row. With a KV cache a row has only the columns that
// its token sees, the others are 0.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/maths.glsl"
#include "backend/vulkan/step.glsl"

layout(constant_id = 1) const uint kMasked = 0;
layout(constant_id = 2) const uint kCached = 0;

layout(push_constant, scalar) uniform Arguments {
  Tensor x;
  F32 mask, y;
  Step step;
  uint mask_row, n_tokens;
  uint n, n_rows;
} a;

void main() {
  const uint row = group_index();
  if (row >= a.n_rows) return;
  const uint x = row_at(a.x, row), y = row * a.n, token = row % a.n_tokens, mask = token * a.mask_row;
  uint seen = a.n;
  if (kCached != 0) seen = min(seen, segment_at(a.step, 0).n_past + token + 1);
  const uint first = gl_LocalInvocationID.x, step = gl_WorkGroupSize.x;
  float most = -infinity();
  for (uint i = first; i < seen; i += step) {
    float value = a.x.at.v[x + i];
    if (kMasked != 0) value += a.mask.v[mask + i];
    most = max(most, value);
  }
  most = group_max(most);
  float sum = 0;
  for (uint i = first; i < seen; i += step) {
    float value = a.x.at.v[x + i];
    if (kMasked != 0) value += a.mask.v[mask + i];
    value = exact_exp(value - most);
    a.y.v[y + i] = value;
    sum += value;
  }
  sum = group_sum(sum);
  // Each invocation reads back what it wrote.
  for (uint i = first; i < a.n; i += step) a.y.v[y + i] = i < seen ? a.y.v[y + i] / sum : 0.0;
}
