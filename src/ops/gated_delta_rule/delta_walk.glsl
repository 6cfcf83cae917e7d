// The state through the chunks of a segment (delta_chunks.glsl). A group of 256 invocations has kColumns value indices
// of a value head: of the state, P [key, value], each invocation keeps four times four elements in registers, and the
// group has a copy in shared memory to multiply with.
#include "ops/gated_delta_rule/delta_chunks.glsl"

const uint kColumns = 32, kAcross = kColumns / 4;

shared vec4 state[kS * kAcross];
shared vec4 errors[kChunk * kAcross];

void main() {
  const uint me = gl_LocalInvocationID.x, parts = (kS + kColumns - 1) / kColumns;
  const uint head = gl_WorkGroupID.x / parts, key_head = key_head_of(head, a.heads, a.key_heads);
  // Four values, and with them four keys, or a row of the chunk.
  const uint column = me % kAcross, j = gl_WorkGroupID.x % parts * kColumns + 4 * column;
  const uint quad = me / kAcross, t = me / kAcross;
  const bool used = j < kS && quad < kQuads, values = j < kS;
  const uint base_at = a.state.base_offset + (head * kS + j) * kS + 4 * quad;
  for (uint g = gl_WorkGroupID.y; g < a.step.n_segments; g += gl_NumWorkGroups.y) {
    Segment s = segment_at(a.step, g);
    const uint chunked = rows_in_chunks(s, a.rows, a.n_rows);
    vec4 p[4];  // of four keys
    [[unroll]] for (uint u = 0; u < 4; ++u) p[u] = vec4(0);
    if (chunked == 0) continue;
    if (used) {
      [[unroll]] for (uint v = 0; v < 4; ++v) {
        const vec4 row = F32x4(s.base).v[(base_at + v * kS) / 4];
        [[unroll]] for (uint u = 0; u < 4; ++u) p[u][v] = row[u];
      }
      for (uint at = s.base_at; at < s.n_past; ++at) {
        const uint entry = entry_place(a.step, a.state, at), error = entry + error_at(head, a.heads, a.key_heads) + j;
        const vec4 e = vec4(s.ring.v[error], s.ring.v[error + 1], s.ring.v[error + 2], s.ring.v[error + 3]);
        const float d = s.ring.v[entry + head];
        [[unroll]] for (uint u = 0; u < 4; ++u)
          p[u] = fma(vec4(s.ring.v[entry + key_at(key_head, a.heads) + 4 * quad + u]), e, d * p[u]);
      }
    }
    for (uint first = 0; first < chunked; first += kChunk) {
      const uint n = min(kChunk, chunked - first), row = s.first_row + first;
      if (quad < kQuads)
        [[unroll]] for (uint u = 0; u < 4; ++u) state[(4 * quad + u) * kAcross + column] = p[u];
      barrier();
      const uint mine = row + min(t, n - 1), place = mine * a.heads + head;
      const uint w_at = place * kQuads, q_at = keys_place(mine, key_head, a.key_heads) / 4;
      vec4 seen = vec4(0), result = vec4(0);
      for (uint i = 0; i < kQuads; ++i) {
        const vec4 w = F32x4(a.w).v[w_at + i], q = F32x4(a.keys).v[q_at + i];
        [[unroll]] for (uint u = 0; u < 4; ++u) {
          const vec4 of_key = state[(4 * i + u) * kAcross + column];
          seen = fma(vec4(w[u]), of_key, seen);
          result = fma(vec4(q[u]), of_key, result);
        }
      }
      const uint o_at = place * kS + j;
      vec4 e = vec4(0);
      if (t < n && values) e = vec4(a.o.v[o_at], a.o.v[o_at + 1], a.o.v[o_at + 2], a.o.v[o_at + 3]) - seen;
      errors[t * kAcross + column] = e;
      barrier();
      result *= a.gates.v[2 * place] * (1.0 / sqrt(float(kS)));
      for (uint i = 0; i < kChunk / 4; ++i) {
        const vec4 cross = F32x4(a.cross).v[place * kChunk / 4 + i];
        [[unroll]] for (uint u = 0; u < 4; ++u)
          result = fma(vec4(cross[u]), errors[(4 * i + u) * kAcross + column], result);
      }
      if (t < n && values)
        [[unroll]] for (uint v = 0; v < 4; ++v) a.o.v[o_at + v] = result[v];
      const float decay = a.gates.v[2 * ((row + n - 1) * a.heads + head)];
      [[unroll]] for (uint u = 0; u < 4; ++u) p[u] *= decay;
      for (uint i = 0; i < n && quad < kQuads; ++i) {
        const uint at = keys_place(row + i, key_head, a.key_heads) / 4 + kQuads + quad;
        const vec4 k = F32x4(a.keys).v[at] * a.gates.v[2 * ((row + i) * a.heads + head) + 1];
        const vec4 of_row = errors[i * kAcross + column];
        [[unroll]] for (uint u = 0; u < 4; ++u) p[u] = fma(vec4(k[u]), of_row, p[u]);
      }
    }
    if (used)
      [[unroll]] for (uint v = 0; v < 4; ++v)
        F32x4(s.next_base).v[(base_at + v * kS) / 4] = vec4(p[0][v], p[1][v], p[2][v], p[3][v]);
  }
}
