// Convolution over time and SiLU: an invocation per channel, in a block of rows.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/maths.glsl"
#include "backend/vulkan/step.glsl"
#include "backend/vulkan/recurrent.glsl"
#include "ops/causal_conv/convolve.glsl"

layout(push_constant, scalar) uniform Arguments {
  F32 y;
  Step step;
  Convolution conv;
  uint n_channels;
} a;

// Column by column, so that the loop over the rows that are there needs no registers with a number.
shared float sums[kBlock * gl_WorkGroupSize.x];

void convolved(uint t, float sum) { sums[t * gl_WorkGroupSize.x + gl_LocalInvocationID.x] = sum; }

void main() {
  const uint c = gl_GlobalInvocationID.x;
  Segment s;
  uint first;
  if (c >= a.n_channels || !block_of(a.step, gl_WorkGroupID.y, s, first)) return;
  const uint n = min(kBlock, s.n_rows - first);
  convolve(a.conv, a.step, s, first, n, c, a.n_channels);
  for (uint t = 0; t < n; ++t)
    a.y.v[(s.first_row + first + t) * a.n_channels + c] =
        silu(sums[t * gl_WorkGroupSize.x + gl_LocalInvocationID.x]);
}
