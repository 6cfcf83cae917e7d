// y = x / sqrt(mean(x^2) + eps): a group per row.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"

layout(push_constant, scalar) uniform Arguments {
  Tensor x;
  F32 y;
  uint n, n_rows;
  float eps;
} a;

void main() {
  const uint row = group_index();
  if (row >= a.n_rows) return;
  const uint x = row_at(a.x, row), y = row * a.n;
  float sum = 0;
  for (uint i = gl_LocalInvocationID.x; i < a.n; i += gl_WorkGroupSize.x) sum += a.x.at.v[x + i] * a.x.at.v[x + i];
  const float scale = 1.0 / sqrt(group_sum(sum) / float(a.n) + a.eps);
  for (uint i = gl_LocalInvocationID.x; i < a.n; i += gl_WorkGroupSize.x) a.y.v[y + i] = a.x.at.v[x + i] * scale;
}
