// Running sums: a group per row, which goes through it piece by piece.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"

layout(push_constant, scalar) uniform Arguments {
  Tensor x;
  F32 y;
  uint n, n_rows;
} a;

shared float sums[256];

void main() {
  const uint row = group_index();
  if (row >= a.n_rows) return;
  const uint x = row_at(a.x, row), y = row * a.n, me = gl_LocalInvocationID.x;
  float before = 0;
  for (uint piece = 0; piece < a.n; piece += gl_WorkGroupSize.x) {
    const uint i = piece + me;
    float sum = i < a.n ? a.x.at.v[x + i] : 0.0;
    // Each adds the sum that ends `reach` places before it, for reaches 1, 2, 4, ...
    for (uint reach = 1; reach < gl_WorkGroupSize.x; reach *= 2) {
      barrier();
      sums[me] = sum;
      barrier();
      if (me >= reach) sum += sums[me - reach];
    }
    if (i < a.n) a.y.v[y + i] = before + sum;
    barrier();
    sums[me] = sum;
    barrier();
    before += sums[gl_WorkGroupSize.x - 1];
  }
}
