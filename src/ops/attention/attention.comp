// softmax(scale q K^T) V * sigmoid(gate) of the rows of a step: a group per row and query head goes through the cache
// in blocks of as many positions as it has invocations, with a running maximum (Milakov and Gimelshein, "Online normalizer
// calculation for softmax", arXiv 1805.02867). A row's sums depend on its own length only.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/step.glsl"
#include "backend/vulkan/kv.glsl"

layout(constant_id = 1) const uint kKType = 1;
layout(constant_id = 2) const uint kVType = 1;
layout(constant_id = 3) const uint kHeadDim = 256;
layout(constant_id = 4) const uint kGroupSize = 64;  // the same as constant 0
layout(constant_id = 5) const bool kGated = true;

layout(push_constant, scalar) uniform Arguments {
  F32 q, gate, y;
  uint q0, q1, gate0, gate1;  // elements from row to row, and from head to head; y is dense
  Step step;
  KvCache kv;
  uint n_heads;
  float scale;
} a;

shared float q[kHeadDim];
shared float weight[kGroupSize];

const uint kPer = (kHeadDim + kGroupSize - 1) / kGroupSize;

void main() {
  const uint row = group_index() / a.n_heads, head = group_index() % a.n_heads;
  if (row >= a.step.n_rows) return;
  const uint me = gl_LocalInvocationID.x;
  Segment s = segment_of(a.step, row);
  const uint n_seen = s.n_past + row - s.first_row + 1, kv_head = head / (a.n_heads / a.kv.n_kv_heads);
  for (uint i = me; i < kHeadDim; i += kGroupSize) q[i] = a.q.v[row * a.q0 + head * a.q1 + i] * a.scale;
  barrier();

  float most = uintBitsToFloat(0xff800000u), sum = 0, part[kPer];
  for (uint i = 0; i < kPer; ++i) part[i] = 0;
  for (uint first = 0; first < n_seen; first += kGroupSize) {
    const uint position = first + me;
    float score = uintBitsToFloat(0xff800000u);
    if (position < n_seen) {
      U8 page = kv_page(a.step, s, a.kv, position);
      const uint place = k_place(a.kv, kv_head, position);
      score = 0;
      for (uint i = 0; i < kHeadDim; ++i) score += q[i] * kv_value(page, kKType, place, i);
    }
    const float highest = max(most, group_max(score));
    const float shrink = exp(most - highest), mine = position < n_seen ? exp(score - highest) : 0.0;
    most = highest;
    barrier();
    weight[me] = mine;
    barrier();
    float block = 0;
    const uint n = min(kGroupSize, n_seen - first);
    for (uint i = 0; i < kPer; ++i) part[i] *= shrink;
    for (uint p = 0; p < n; ++p) {
      block += weight[p];
      U8 page = kv_page(a.step, s, a.kv, first + p);
      const uint place = v_place(a.kv, kv_head, first + p);
      for (uint i = 0; i < kPer; ++i)
        if (me + i * kGroupSize < kHeadDim) part[i] += weight[p] * kv_value(page, kVType, place, me + i * kGroupSize);
    }
    sum = sum * shrink + block;
  }
  for (uint i = 0; i < kPer; ++i) {
    const uint at = me + i * kGroupSize;
    if (at >= kHeadDim) break;
    float value = part[i] / sum;
    if (kGated) value /= 1.0 + exp(-a.gate.v[row * a.gate0 + head * a.gate1 + at]);
    a.y.v[(row * a.n_heads + head) * kHeadDim + at] = value;
  }
}
