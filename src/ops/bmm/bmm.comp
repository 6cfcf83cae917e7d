// y = a b for corresponding entries of two batches: a group per square of the result, through shared memory.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"

// A matrix of entry (i, j) begins (i / divide % count) * stride[0] + j * stride[1] behind the first.
struct Batch {
  F32 at;
  uint divide, count;
  uint stride0, stride1;
  uint line, along;  // from row to row of the result (a) or column to column (b); along the sum
};

layout(push_constant, scalar) uniform Arguments {
  Batch a, b;
  F32 y;
  uint m, n, depth;
  uint entries, inner;  // entries of the result's leading axes, and of the second alone
} p;

// Whether neighbours of b in memory are neighbours in the result.
layout(constant_id = 1) const bool kColumns = false;

const uint kTile = 32, kAcross = 8, kSide = kTile / kAcross, kLine = kTile + 1;
shared float tile_a[kTile * kLine], tile_b[kTile * kLine];

uint matrix(Batch x, uint entry) {
  return entry / p.inner / x.divide % x.count * x.stride0 + entry % p.inner * x.stride1;
}

void main() {
  const uint across = (p.n + kTile - 1) / kTile, down = (p.m + kTile - 1) / kTile;
  const uint tile = group_index() % (across * down), entry = group_index() / (across * down);
  if (entry >= p.entries) return;
  const uint first_n = tile % across * kTile, first_m = tile / across * kTile;
  const uint at_a = matrix(p.a, entry), at_b = matrix(p.b, entry), me = gl_LocalInvocationID.x;
  const uint column = me % kAcross, line = me / kAcross;
  float sum[kSide * kSide];
  [[unroll]] for (uint i = 0; i < kSide * kSide; ++i) sum[i] = 0;
  for (uint k = 0; k < p.depth; k += kTile) {
    for (uint i = me; i < kTile * kTile; i += gl_WorkGroupSize.x) {
      const uint far = i / kTile, near = i % kTile, n = kColumns ? near : far, of_b = kColumns ? far : near;
      const bool has_a = first_m + far < p.m && k + near < p.depth, has_b = first_n + n < p.n && k + of_b < p.depth;
      tile_a[near * kLine + far] = has_a ? p.a.at.v[at_a + (first_m + far) * p.a.line + (k + near) * p.a.along] : 0.0;
      tile_b[of_b * kLine + n] = has_b ? p.b.at.v[at_b + (first_n + n) * p.b.line + (k + of_b) * p.b.along] : 0.0;
    }
    barrier();
    const uint end = min(kTile, p.depth - k);
    for (uint j = 0; j < end; ++j) {
      float a[kSide], b[kSide];
      [[unroll]] for (uint i = 0; i < kSide; ++i) {
        a[i] = tile_a[j * kLine + kAcross * i + line];
        b[i] = tile_b[j * kLine + kAcross * i + column];
      }
      [[unroll]] for (uint i = 0; i < kSide * kSide; ++i) sum[i] = fma(a[i / kSide], b[i % kSide], sum[i]);
    }
    barrier();
  }
  [[unroll]] for (uint i = 0; i < kSide * kSide; ++i) {
    const uint m = first_m + i / kSide * kAcross + line, n = first_n + i % kSide * kAcross + column;
    if (m < p.m && n < p.n) p.y.v[(entry * p.m + m) * p.n + n] = sum[i];
  }
}
