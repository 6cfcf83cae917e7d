// The largest of the softmax over the experts, made to sum to 1: a group per token. A row that fits is kept in shared
// memory, and every expert counts those that stand before it: so there is no round of waiting per chosen one. Of a
// longer row the group looks for one expert after the other.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/maths.glsl"
#include "backend/vulkan/select.glsl"

layout(constant_id = 1) const uint kKept = 0;  // elements of a row that there is room for, whole fours; 0: none

layout(push_constant, scalar) uniform Arguments {
  F32 logits;
  I32 experts;
  F32 weights;
  uint logits_row, n, k, n_tokens;
} a;

shared vec4 kept[kKept / 4 + 1];
shared float share[kKept + 1];  // of the chosen, in their order

float not_a_number() { return uintBitsToFloat(0x7FC00000u); }

// Behind the end of the row lies what stands before nothing.
void keep(uint x) {
  for (uint i = gl_LocalInvocationID.x; i < kKept / 4; i += gl_WorkGroupSize.x) {
    vec4 values = vec4(-infinity());
    [[unroll]] for (uint j = 0; j < 4; ++j)
      if (4 * i + j < a.n) values[j] = a.logits.v[x + 4 * i + j];
    kept[i] = values;
  }
  barrier();
}

// How many experts stand before e: those with larger values, and of the equal ones those with lower numbers.
uint place_of(uint e, float value) {
  uvec4 before = uvec4(0);
  const uint own = e / 4;
  for (uint i = 0; i < own; ++i) before += uvec4(greaterThanEqual(kept[i], vec4(value)));
  before += uvec4(greaterThan(kept[own], vec4(value)));
  [[unroll]] for (uint j = 0; j < 3; ++j) before.x += j < e % 4 && kept[own][j] == value ? 1 : 0;
  for (uint i = own + 1; i < kKept / 4; ++i) before += uvec4(greaterThan(kept[i], vec4(value)));
  return before.x + before.y + before.z + before.w;
}

void choose_of_kept(uint x, uint y) {
  keep(x);
  const uint me = gl_LocalInvocationID.x;
  float most = -infinity(), total = 0, found = 0;
  for (uint e = me; e < a.n; e += gl_WorkGroupSize.x) {
    const float value = kept[e / 4][e % 4];
    found = is_nan(value) ? 1.0 : found;
    most = max(most, value);
  }
  const bool nan = group_max(found) != 0.0;
  most = group_max(most);
  for (uint e = me; e < a.n; e += gl_WorkGroupSize.x) total += exact_exp(kept[e / 4][e % 4] - most);
  total = group_sum(total);
  for (uint e = me; e < a.n; e += gl_WorkGroupSize.x) {
    const float value = kept[e / 4][e % 4];
    const uint place = nan ? e : place_of(e, value);
    if (place >= a.k) continue;
    a.experts.v[y + place] = int(e);
    share[place] = nan ? not_a_number() : exact_exp(value - most) / total;
  }
  barrier();
  float chosen = 0;
  for (uint k = 0; k < a.k; ++k) chosen += share[k];
  const float divisor = nan ? 1.0 : max(chosen, 1.0 / 16384.0);
  for (uint k = me; k < a.k; k += gl_WorkGroupSize.x) a.weights.v[y + k] = share[k] / divisor;
}

void choose_one_by_one(uint x, uint y) {
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
    const float weight = nan ? not_a_number() : exact_exp(last.value - largest) / total;
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

void main() {
  const uint token = group_index();
  if (token >= a.n_tokens) return;
  const uint x = token * a.logits_row, y = token * a.k;
  if (kKept > 0)
    choose_of_kept(x, y);
  else
    choose_one_by_one(x, y);
}
