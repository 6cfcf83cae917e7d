// The recurrence row by row. A group has a value head of a segment: four invocations keep a row of the state in
// registers, and nobody waits for anybody but at blocks of rows. Rows that go in chunks are done already, their state
// is in the next base. MIXER: the gated norm behind it.
#ifdef MIXER
#include "ops/gated_delta_rule/delta_norm.glsl"
#endif
#extension GL_KHR_shader_subgroup_quad : require

layout(constant_id = 3) const uint kSides = 2;  // rows of the state that an invocation has a quarter of

layout(push_constant, scalar) uniform Arguments {
  F32 keys, gates, v, o;
  Step step;
  StepRows rows;
  RecurrentState state;
  uint n_rows, heads, key_heads;
  uint v0, v1;  // floats from row to row, and from head to head; o is dense
#ifdef MIXER
  GatedNorm norm;
#endif
} a;

const uint kEach = (kQuads + 3) / 4;  // fours of elements of a quarter; an element that is beyond the row is 0
const uint kPadded = 4 * kEach;       // fours of a row

shared vec4 q[kBlock * kPadded], k[kBlock * kPadded];
shared float value[kBlock * kS], decay[kBlock], beta[kBlock];

float quad_sum(float x) {
  x += subgroupQuadSwapHorizontal(x);
  return x + subgroupQuadSwapVertical(x);
}
float sum4(vec4 x) { return (x.x + x.y) + (x.z + x.w); }

uint lane() { return gl_LocalInvocationID.x % 4; }
// The row of the state, which may be beyond the last.
uint state_row(uint side) { return side * (gl_WorkGroupSize.x / 4) + gl_LocalInvocationID.x / 4; }

vec4 p[kSides * kEach];

void load_state(F32 base, uint at) {
  [[unroll]] for (uint side = 0; side < kSides; ++side)
    [[unroll]] for (uint i = 0; i < kEach; ++i) {
      const uint j = state_row(side), quad = 4 * i + lane();
      p[side * kEach + i] = j < kS && quad < kQuads ? F32x4(base).v[at / 4 + j * kQuads + quad] : vec4(0);
    }
}
void store_state(F32 base, uint at) {
  [[unroll]] for (uint side = 0; side < kSides; ++side)
    [[unroll]] for (uint i = 0; i < kEach; ++i) {
      const uint j = state_row(side), quad = 4 * i + lane();
      if (j < kS && quad < kQuads) F32x4(base).v[at / 4 + j * kQuads + quad] = p[side * kEach + i];
    }
}

// What row t of the block does to a row of the state; the same for an entry of the ring, to the bit.
void apply(uint side, uint t, float d, float error) {
  [[unroll]] for (uint i = 0; i < kEach; ++i) {
    precise vec4 x = d * p[side * kEach + i];
    x = fma(vec4(error), k[t * kPadded + 4 * i + lane()], x);
    p[side * kEach + i] = x;
  }
}

float state_dot(uint side, vec4 x[kEach]) {
  vec4 sum = p[side * kEach] * x[0];
  [[unroll]] for (uint i = 1; i < kEach; ++i) sum = fma(p[side * kEach + i], x[i], sum);
  return quad_sum(sum4(sum));
}

// Entries of the ring in blocks.
void apply_entries(Segment s, uint head, uint key_head) {
  const uint me = gl_LocalInvocationID.x;
  uint n;
  for (uint at = s.base_at; at < s.n_past; at += n) {
    n = min(kBlock, s.n_past - at);
    barrier();
    for (uint i = me; i < n * 4 * kPadded; i += gl_WorkGroupSize.x) {
      const uint c = i % (4 * kPadded), entry = entry_place(a.step, a.state, at + i / (4 * kPadded));
      k[i / 4][i % 4] = c < kS ? s.ring.v[entry + key_at(key_head, a.heads) + c] : 0.0;
    }
    for (uint i = me; i < n * kS; i += gl_WorkGroupSize.x)
      value[i] =
          s.ring.v[entry_place(a.step, a.state, at + i / kS) + error_at(head, a.heads, a.key_heads) + i % kS];
    if (me < n) decay[me] = s.ring.v[entry_place(a.step, a.state, at + me) + head];
    barrier();
    for (uint t = 0; t < n; ++t)
      [[unroll]] for (uint side = 0; side < kSides; ++side)
        apply(side, t, decay[t], value[t * kS + min(state_row(side), kS - 1)]);
  }
}

// Rows [row, row + n) to shared memory.
void load_rows(uint row, uint n, uint head, uint key_head) {
  const uint me = gl_LocalInvocationID.x;
  for (uint i = me; i < n * kPadded; i += gl_WorkGroupSize.x) {
    const uint c = i % kPadded, at = keys_place(row + i / kPadded, key_head, a.key_heads) / 4;
    q[i] = c < kQuads ? F32x4(a.keys).v[at + c] : vec4(0);
    k[i] = c < kQuads ? F32x4(a.keys).v[at + kQuads + c] : vec4(0);
  }
  for (uint i = me; i < n * kS; i += gl_WorkGroupSize.x)
    value[i] = a.v.v[(row + i / kS) * a.v0 + head * a.v1 + i % kS];
  if (me < n) {
    const uint at = gates_place(row + me, head, a.heads);
    decay[me] = a.gates.v[at];
    beta[me] = a.gates.v[at + 1];
  }
}

// Row t of a block that begins at row `first` of the segment.
void take_row(Segment s, uint side, uint first, uint t, uint head) {
  const uint j = state_row(side), in_base = rows_in_base(s);
  vec4 x[kEach];
  [[unroll]] for (uint i = 0; i < kEach; ++i) x[i] = k[t * kPadded + 4 * i + lane()];
  const float seen = state_dot(side, x);
  precise float error = beta[t] * (value[t * kS + min(j, kS - 1)] - decay[t] * seen);
  apply(side, t, decay[t], error);
  [[unroll]] for (uint i = 0; i < kEach; ++i) x[i] = q[t * kPadded + 4 * i + lane()];
  const float out_j = state_dot(side, x) * (1.0 / sqrt(float(kS)));
  if (lane() != 0 || j >= kS) return;
  if (first + t >= in_base)
    s.next_ring.v[entry_place(a.step, a.state, s.n_past + first + t) + error_at(head, a.heads, a.key_heads) + j] = error;
#ifdef MIXER
  norm_value[t * kS + j] = out_j;
#else
  a.o.v[((s.first_row + first + t) * a.heads + head) * kS + j] = out_j;
#endif
}

void main() {
  const uint head = gl_WorkGroupID.x, key_head = key_head_of(head, a.heads, a.key_heads);
  const uint base_at = a.state.base_offset + head * kS * kS;
  for (uint g = gl_WorkGroupID.y; g < a.step.n_segments; g += gl_NumWorkGroups.y) {
    Segment s = segment_at(a.step, g);
    const uint chunked = rows_in_chunks(s, a.rows, a.n_rows);
    const uint stored_after = chunked == 0 ? base_after(s) : 0xffffffffu;
    if (chunked != 0 && chunked == s.n_rows) continue;
    F32 from = s.base;
    if (chunked != 0) from = s.next_base;
    load_state(from, base_at);
    if (chunked == 0) apply_entries(s, head, key_head);
    uint n;
    for (uint first = chunked; first < s.n_rows; first += n) {
      const uint row = s.first_row + first;
      n = min(kBlock, s.n_rows - first);
      barrier();  // what the block before left was read
      load_rows(row, n, head, key_head);
#ifdef MIXER
      norm_begin(a.norm, row, n, head);
#endif
      barrier();
      for (uint t = 0; t < n; ++t) {
        if (first + t == stored_after) store_state(s.next_base, base_at);
        [[unroll]] for (uint side = 0; side < kSides; ++side) take_row(s, side, first, t, head);
      }
#ifdef MIXER
      barrier();
      norm_end(a.norm, a.o, row, n, head, a.heads);
#endif
    }
    if (s.n_rows == stored_after) store_state(s.next_base, base_at);
  }
}
