// y[c, t] = sum over taps of w[c, i] x[c, t + i]: an invocation per result.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"

layout(constant_id = 1) const uint kTimeLast = 0;

layout(push_constant, scalar) uniform Arguments {
  F32 x, w, y;
  uint x_row, n, n_columns, taps;
} a;

void main() {
  const uint i = invocation_index();
  if (i >= a.n) return;
  const uint row = i / a.n_columns, column = i % a.n_columns;
  const uint x = row * a.x_row + column, step = kTimeLast != 0 ? 1 : a.x_row;
  const uint w = (kTimeLast != 0 ? row : column) * a.taps;
  float sum = 0;
  for (uint k = 0; k < a.taps; ++k) sum += a.w.v[w + k] * a.x.v[x + k * step];
  a.y.v[i] = sum;
}
