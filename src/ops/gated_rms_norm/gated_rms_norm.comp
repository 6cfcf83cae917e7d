// y = rms_norm(x; w) * silu(z): a group per row.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/maths.glsl"

layout(push_constant, scalar) uniform Arguments {
  Tensor x, z;
  F32 w, y;
  uint n, n_rows;
  float eps;
} a;

void main() {
  const uint row = group_index();
  if (row >= a.n_rows) return;
  const uint x = row_at(a.x, row), z = row_at(a.z, row), y = row * a.n;
  float sum = 0;
  for (uint i = gl_LocalInvocationID.x; i < a.n; i += gl_WorkGroupSize.x) sum += a.x.at.v[x + i] * a.x.at.v[x + i];
  const float scale = 1.0 / sqrt(group_sum(sum) / float(a.n) + a.eps);
  for (uint i = gl_LocalInvocationID.x; i < a.n; i += gl_WorkGroupSize.x)
    a.y.v[y + i] = a.x.at.v[x + i] * scale * a.w.v[i] * silu(a.z.at.v[z + i]);
}
