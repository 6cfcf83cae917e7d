// y = x * w / sqrt(mean(x^2) + eps): a group per row.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/rms.glsl"

layout(push_constant, scalar) uniform Arguments {
  Tensor x, y;
  F32 w;
  uint n, n_rows;
  float eps;
} a;

void main() {
  const uint row = group_index();
  if (row >= a.n_rows) return;
  const uint x = row_at(a.x, row), y = row_at(a.y, row);
  float sum = 0;
  for (uint i = gl_LocalInvocationID.x; i < a.n; i += gl_WorkGroupSize.x) sum += a.x.at.v[x + i] * a.x.at.v[x + i];
  const float scale = rms_scale(sum, a.n, a.eps);
  for (uint i = gl_LocalInvocationID.x; i < a.n; i += gl_WorkGroupSize.x)
    a.y.at.v[y + i] = a.x.at.v[x + i] * scale * a.w.v[i];
}
