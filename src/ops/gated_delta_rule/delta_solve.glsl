// U and W of a chunk for a value head, and what else its walk needs (delta_chunks.glsl). 256 invocations.
#include "ops/gated_delta_rule/delta_chunks.glsl"

// A row of k is one vector longer than it is, so that rows beside each other lie in different banks.
const uint kRow = kQuads + 1;

shared vec4 k[kChunk * kRow];
shared float decay[kChunk], beta[kChunk];
shared float ratio[kChunk * (kChunk + 1)];  // R_st at t * (kChunk + 1) + s
// beta_t R_st (k_s.k_t) of row t: component t % 4 of s * kChunk / 4 + t / 4.
shared vec4 inner[kChunk * kChunk / 4 + kChunk / 4];
shared float factor[2 * kChunk];  // of v, and of k, on the right side

float sum4(vec4 x) { return (x.x + x.y) + (x.z + x.w); }

// Four rows of a column at a time: x begins with the first of them, then with the next four. What comes in at its end
// is no row and goes nowhere.
void solve(inout float x[kChunk], F32 to, uint at, uint step, uint n) {
  for (uint four = 0; 4 * four < n; ++four) {
    [[unroll]] for (uint s = 0; s < 4; ++s)
      [[unroll]] for (uint i = 0; i < kChunk / 4; ++i) {
        const vec4 of_s = inner[(4 * four + s) * kChunk / 4 + four + i];  // 0 up to row s
        [[unroll]] for (uint u = i == 0 ? s + 1 : 0; u < 4; ++u) x[4 * i + u] = fma(-of_s[u], x[s], x[4 * i + u]);
      }
    [[unroll]] for (uint s = 0; s < 4; ++s)
      if (4 * four + s < n) to.v[at + (4 * four + s) * step] = x[s];
    [[unroll]] for (uint i = 0; i + 4 < kChunk; ++i) x[i] = x[i + 4];
  }
}

void main() {
  const uint me = gl_LocalInvocationID.x, head = gl_WorkGroupID.x;
  const uint key_head = key_head_of(head, a.heads, a.key_heads);
  Segment segment;
  uint first, end;
  if (!chunk_of(gl_WorkGroupID.y, segment, first, end)) return;
  const uint row = segment.first_row + first, n = min(kChunk, end - first);

  // Rows that are not there have no error and leave the state as it is.
  for (uint i = me; i < kChunk * kQuads; i += gl_WorkGroupSize.x) {
    const uint t = i / kQuads, at = keys_place(row + t, key_head, a.key_heads) / 4 + kQuads + i % kQuads;
    k[t * kRow + i % kQuads] = t < n ? F32x4(a.keys).v[at] : vec4(0);
  }
  if (me < kChunk) {
    const uint at = gates_place(row + me, head, a.heads);
    decay[me] = me < n ? a.gates.v[at] : 1.0;
    beta[me] = me < n ? a.gates.v[at + 1] : 0.0;
  }
  barrier();
  if (me < kChunk) {
    float product = 1;
    ratio[me * (kChunk + 1) + me] = product;
    for (uint t = me + 1; t < kChunk; ++t) {
      product *= decay[t];
      ratio[t * (kChunk + 1) + me] = product;
    }
  }
  // Row t with columns s = column + kAcross * u of both products.
  const uint kAcross = 8, kSide = kChunk / kAcross;
  const uint t = me / kAcross, column = me % kAcross;
  const uint q_at = keys_place(row + min(t, n - 1), key_head, a.key_heads) / 4;
  vec4 kk[kSide], kq[kSide];
  [[unroll]] for (uint u = 0; u < kSide; ++u) kk[u] = kq[u] = vec4(0);
  for (uint i = 0; i < kQuads; ++i) {
    const vec4 k_t = k[t * kRow + i], q_t = F32x4(a.keys).v[q_at + i];
    [[unroll]] for (uint u = 0; u < kSide; ++u) {
      const vec4 k_s = k[(column + kAcross * u) * kRow + i];
      kk[u] = fma(k_t, k_s, kk[u]);
      kq[u] = fma(q_t, k_s, kq[u]);
    }
  }
  barrier();
  [[unroll]] for (uint u = 0; u < kSide; ++u) {
    const uint s = column + kAcross * u;
    const float r = s <= t ? ratio[t * (kChunk + 1) + s] : 0.0;
    inner[s * kChunk / 4 + t / 4][t % 4] = s < t ? beta[t] * r * sum4(kk[u]) : 0.0;
    if (t < n) a.cross.v[((row + t) * a.heads + head) * kChunk + s] = r * sum4(kq[u]) * (1.0 / sqrt(float(kS)));
  }
  if (me < kChunk) {
    const float product = decay[0] * ratio[me * (kChunk + 1)];
    factor[me] = beta[me];
    factor[kChunk + me] = beta[me] * product;
    if (me < n) {
      const uint at = gates_place(row + me, head, a.heads);
      a.gates.v[at] = product;
      a.gates.v[at + 1] = ratio[(kChunk - 1) * (kChunk + 1) + me];
    }
  }
  barrier();
  // An invocation has a column of U or of W.
  for (uint c = me; c < 2 * kS; c += gl_WorkGroupSize.x) {
    const bool is_u = c < kS;
    const uint i = is_u ? c : c - kS, factors = is_u ? 0 : kChunk;
    F32 from = a.v, to = a.o;
    uint from_at = row * a.v0 + head * a.v1 + i, from_step = a.v0;
    if (!is_u) {
      from = a.keys;
      to = a.w;
      from_at = keys_place(row, key_head, a.key_heads) + kS + i;
      from_step = a.key_heads * 2 * kS;
    }
    float x[kChunk];
    [[unroll]] for (uint t = 0; t < kChunk; ++t)
      x[t] = factor[factors + t] * from.v[from_at + min(t, n - 1) * from_step];
    solve(x, to, (row * a.heads + head) * kS + i, a.heads * kS, n);
  }
}
