// The largest of the softmax over the experts, made to sum to 1: a group per token, which looks for one expert after
// the other.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/maths.glsl"
#include "backend/vulkan/select.glsl"

layout(push_constant, scalar) uniform Arguments {
  F32 logits;
  I32 experts;
  F32 weights;
  uint logits_row, n, k, n_tokens;
} a;

void main() {
  const uint token = group_index();
  if (token >= a.n_tokens) return;
  const uint x = token * a.logits_row, y = token * a.k;
  const bool nan = row_has_nan(a.logits, x, a.n);
  Place last = before_all();
  float largest = 0, total = 0, chosen = 0;
  for (uint k = 0; k < a.k; ++k) {
    if (!nan) last = next_place(a.logits, x, a.n, last);
    if (k == 0) {
      largest = last.value;
      for (uint e = gl_LocalInvocationID.x; e < a.n; e += gl_WorkGroupSize.x)
        total += exact_exp(a.logits.v[x + e] - largest);
      total = group_sum(total);
    }
    const float weight = nan ? uintBitsToFloat(0x7FC00000u) : exact_exp(last.value - largest) / total;
    chosen += weight;
    if (gl_LocalInvocationID.x == k % gl_WorkGroupSize.x) {
      a.experts.v[y + k] = nan ? int(k) : last.column;
      a.weights.v[y + k] = weight;
    }
  }
  // Each invocation reads back what it wrote.
  const float divisor = nan ? 1.0 : max(chosen, 1.0 / 16384.0);
  for (uint k = gl_LocalInvocationID.x; k < a.k; k += gl_WorkGroupSize.x)
    a.weights.v[y + k] = a.weights.v[y + k] / divisor;
}
