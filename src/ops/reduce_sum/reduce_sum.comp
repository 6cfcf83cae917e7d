// Sums over one axis: an invocation per sum, or, over the last axis, whose elements lie together, a group per sum.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/axes.glsl"

layout(constant_id = 2) const uint kByGroup = 0;

layout(push_constant, scalar) uniform Arguments {
  F32 x, y;
  uint n;
  Lengths lengths;  // of the other axes
  Steps steps;
  uint n_summed, step;
} a;

void main() {
  const uint i = kByGroup != 0 ? group_index() : invocation_index();
  if (i >= a.n) return;
  const uint x = place(i, a.lengths, a.steps);
  if (kByGroup != 0) {
    float sum = 0;
    for (uint k = gl_LocalInvocationID.x; k < a.n_summed; k += gl_WorkGroupSize.x) sum += a.x.v[x + k * a.step];
    sum = group_sum(sum);
    if (gl_LocalInvocationID.x == 0) a.y.v[i] = sum;
    return;
  }
  // Four sums do not wait for each other, and lose less.
  vec4 sums = vec4(0);
  uint k = 0;
  for (; k + 4 <= a.n_summed; k += 4)
    [[unroll]] for (uint j = 0; j < 4; ++j) sums[j] += a.x.v[x + (k + j) * a.step];
  for (; k < a.n_summed; ++k) sums.x += a.x.v[x + k * a.step];
  a.y.v[i] = (sums.x + sums.y) + (sums.z + sums.w);
}
