// The gated norm of a block of rows of a head: y = rms_norm(x; w) * silu(z). A part of the group takes a row.
#include "backend/vulkan/maths.glsl"

struct GatedNorm {
  F32 z, w;
  uint z0;  // floats from row to row
  float eps;
};

shared float norm_value[kBlock * kS];

// Elements of a row for one invocation: a group has 4 S, or 256, which is 2 S at least.
const uint kMostOfRow = 4;
float norm_z[kMostOfRow];
shared float norm_part[256];

uint norm_lanes() { return gl_WorkGroupSize.x / kBlock; }

// Asks for z early. Rows [row, row + n).
void norm_begin(GatedNorm a, uint row, uint n, uint head) {
  const uint t = gl_LocalInvocationID.x / norm_lanes(), l = gl_LocalInvocationID.x % norm_lanes();
  [[unroll]] for (uint i = 0; i < kMostOfRow; ++i) {
    const uint c = i * norm_lanes() + l;
    norm_z[i] = t < n && c < kS ? a.z.v[(row + t) * a.z0 + head * kS + c] : 0.0;
  }
}

// The group has written norm_value, and a barrier is behind it.
void norm_end(GatedNorm a, F32 y, uint row, uint n, uint head, uint heads) {
  const uint t = gl_LocalInvocationID.x / norm_lanes(), l = gl_LocalInvocationID.x % norm_lanes();
  float sum = 0;
  for (uint c = l; c < kS && t < n; c += norm_lanes()) sum = fma(norm_value[t * kS + c], norm_value[t * kS + c], sum);
  norm_part[gl_LocalInvocationID.x] = sum;
  barrier();
  if (t >= n) return;
  sum = 0;
  for (uint i = 0; i < norm_lanes(); ++i) sum += norm_part[t * norm_lanes() + i];
  const float scale = 1.0 / sqrt(sum / float(kS) + a.eps);
  [[unroll]] for (uint i = 0; i < kMostOfRow; ++i) {
    const uint c = i * norm_lanes() + l;
    if (c >= kS) break;
    y.v[((row + t) * heads + head) * kS + c] = norm_value[t * kS + c] * scale * a.w.v[c] * silu(norm_z[i]);
  }
}
