// In front of attention: norm and rotation of the heads of Q, and of K on their way into the cache, with V: a group per row
// and head of Q or K.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/step.glsl"
#include "backend/vulkan/kv_store.glsl"
#include "backend/vulkan/rms.glsl"
#define ROTATION_CONSTANTS 3
#include "backend/vulkan/rotation.glsl"

layout(constant_id = 1) const uint kKType = 1;
layout(constant_id = 2) const uint kVType = 1;
layout(constant_id = 11) const float kEps = 1e-6;

layout(push_constant, scalar) uniform Arguments {
  F32 q, k, v, q_norm, k_norm, y;  // y: Q, dense
  I32 positions;
  Step step;
  uvec2 start, ratio;
  uint k_offset, v_offset, page_tokens;  // of KvCache
  uint q0, q1, k0, k1, v0, v1;           // elements from row to row, and from head to head
  uint heads;                            // of Q, and from bit 16 on of K
  uint sizes;                            // of a head, and from bit 16 on how many pairs are rotated
  float magnitude;
} a;

shared float made[512];
bool of_v = false;
uint from;
float kv_new(uint i) { return of_v ? a.v.v[from + i] : made[i]; }

uint row_size(uint type) {
  const uint n = a.sizes & 0xffffu;
  return type == kF32 ? 4 * n : type == kQ8_0 ? n / 32 * 34 : 2 * n;
}

// Element `i` of the group's head, of Q or K, and its weight.
void make_head(F32 x, F32 w, uint position) {
  const uint first = gl_LocalInvocationID.x, step = gl_WorkGroupSize.x, n = a.sizes & 0xffffu, half_rot = a.sizes >> 16;
  float sum = 0;
  for (uint i = first; i < n; i += step) sum += x.v[from + i] * x.v[from + i];
  const float scale = rms_scale(sum, n, kEps);
  for (uint i = first; i < n; i += step) made[i] = x.v[from + i] * scale * w.v[i];
  barrier();
  for (uint i = first; i < half_rot; i += step) {
    const vec2 pair = rotated(vec2(made[i], made[i + half_rot]), a.magnitude * rotation(a.start, a.ratio, position, i));
    made[i] = pair.x;
    made[i + half_rot] = pair.y;
  }
  barrier();
}

void main() {
  const uint n_heads = a.heads & 0xffffu, n_kv_heads = a.heads >> 16, n = a.sizes & 0xffffu;
  const uint row = group_index() / (n_heads + n_kv_heads), i = group_index() % (n_heads + n_kv_heads);
  if (row >= a.step.n_rows) return;
  const uint position = uint(a.positions.v[row]);
  if (i < n_heads) {
    from = row * a.q0 + i * a.q1;
    make_head(a.q, a.q_norm, position);
    for (uint e = gl_LocalInvocationID.x; e < n; e += gl_WorkGroupSize.x) a.y.v[(row * n_heads + i) * n + e] = made[e];
    return;
  }
  const uint head = i - n_heads;
  from = row * a.k0 + head * a.k1;
  make_head(a.k, a.k_norm, position);
  Segment s = segment_of(a.step, row);
  const KvCache kv = KvCache(a.k_offset, a.v_offset, a.page_tokens, n_kv_heads, row_size(kKType), row_size(kVType));
  const uint place = s.n_past + row - s.first_row;
  U8 page = kv_page(a.step, s, kv, place);
  kv_store(page, kKType, k_place(kv, head, place), n);
  of_v = true;
  from = row * a.v0 + head * a.v1;
  kv_store(page, kVType, v_place(kv, head, place), n);
}
