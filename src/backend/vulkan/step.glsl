// The sequences of a step and where their state lies: backend/api/device_step.h. Needs kit.glsl.

// Addresses are read as pairs of words: an array of references would need descriptor indexing, arithmetic on references
// 64-bit integers.
#extension GL_EXT_buffer_reference_uvec2 : require

struct Segment {
  F32 base, next_base, ring, next_ring;
  uint first_row, n_rows, n_past, base_at, next_base_at, first_page;
};

layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Addresses { uvec2 v[]; };
layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer Step {
  Addresses pages;
  uint n_segments, n_rows, ring_entries, unused;
  uint words[];  // 16 for each segment
};

Segment segment_at(Step step, uint i) {
  const uint w = 16 * i;
  Segment s;
  s.base = F32(uvec2(step.words[w], step.words[w + 1]));
  s.next_base = F32(uvec2(step.words[w + 2], step.words[w + 3]));
  s.ring = F32(uvec2(step.words[w + 4], step.words[w + 5]));
  s.next_ring = F32(uvec2(step.words[w + 6], step.words[w + 7]));
  s.first_row = step.words[w + 8];
  s.n_rows = step.words[w + 9];
  s.n_past = step.words[w + 10];
  s.base_at = step.words[w + 11];
  s.next_base_at = step.words[w + 12];
  s.first_page = step.words[w + 13];
  return s;
}

// The segment that a row is in; the caller has seen that the row is in use. They are few.
Segment segment_of(Step step, uint row) {
  uint i = 0;
  while (i + 1 < step.n_segments && row >= step.words[16 * (i + 1) + 8]) ++i;
  return segment_at(step, i);
}

// After how many of its rows the base of a segment is stored; 0xffffffff: it is not.
uint base_after(Segment s) { return s.next_base_at == s.base_at ? 0xffffffffu : s.next_base_at - s.n_past; }
// How many rows, from its first, leave no entry in the ring.
uint rows_in_base(Segment s) { return s.next_base_at > s.n_past ? s.next_base_at - s.n_past : 0; }

// K and V of a layer in pages; offsets and bytes of a row fit 32 bits, and so does a page.
struct KvCache {
  uint k_offset, v_offset, page_tokens, n_kv_heads;
  uint k_row, v_row;  // bytes
};

const uint kF32 = 0, kF16 = 1, kBF16 = 2, kQ8_0 = 3;  // how rows are stored

U8 kv_page(Step step, Segment s, KvCache kv, uint position) {
  return U8(step.pages.v[s.first_page + position / kv.page_tokens]);
}
uint k_place(KvCache kv, uint head, uint position) {
  return kv.k_offset + (head * kv.page_tokens + position % kv.page_tokens) * kv.k_row;
}
uint v_place(KvCache kv, uint head, uint position) {
  return kv.v_offset + (head * kv.page_tokens + position % kv.page_tokens) * kv.v_row;
}
