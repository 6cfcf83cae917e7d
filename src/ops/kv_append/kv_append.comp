// K and V of the rows of a step into the cache: a group per row and head.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/step.glsl"
#include "backend/vulkan/kv_store.glsl"

layout(constant_id = 1) const uint kKType = 1;
layout(constant_id = 2) const uint kVType = 1;

layout(push_constant, scalar) uniform Arguments {
  Tensor k, v;
  Step step;
  KvCache kv;
  uint head_dim;
} a;

F32 source;
uint from;
float kv_new(uint i) { return source.v[from + i]; }

void main() {
  const uint row = group_index() / a.kv.n_kv_heads, head = group_index() % a.kv.n_kv_heads;
  if (row >= a.step.n_rows) return;
  Segment s = segment_of(a.step, row);
  const uint position = s.n_past + row - s.first_row;
  U8 page = kv_page(a.step, s, a.kv, position);
  const uint index = row * a.kv.n_kv_heads + head;
  source = a.k.at;
  from = row_at(a.k, index);
  kv_store(page, kKType, k_place(a.kv, head, position), a.head_dim);
  source = a.v.at;
  from = row_at(a.v, index);
  kv_store(page, kVType, v_place(a.kv, head, position), a.head_dim);
}
