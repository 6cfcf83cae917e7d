// Everything about a row that no other row of the step has a part in: q and k, normalised, the gates, and what of it
// the ring keeps. MIXER: the convolution of q, k and v in front of that, and its state. A group has the S channels of a
// head of q, k or v, in a block of rows.
#include "backend/vulkan/maths.glsl"

#ifdef MIXER
#include "ops/causal_conv/convolve.glsl"
#endif

layout(push_constant, scalar) uniform Arguments {
  F32 alpha, beta, a, dt, keys, gates;
  Step step;
  RecurrentState state;
  uint heads, key_heads;
  float eps;
  uint alpha0, beta0;  // floats from row to row
#ifdef MIXER
  F32 v;  // the convolved one
  Convolution conv;
#else
  F32 q, k;
  uint q0, q1, k0, k1;  // floats from row to row, and from head to head
#endif
} a;

// Of the block, a row after the other; then sums of parts of a row, and what a row is multiplied with.
shared float rows[kBlock * kS], part[128], row_scale[kBlock];

// 1 / sqrt(sum of squares + eps) of every row, by a part of the group each.
void scale_rows() {
  const uint me = gl_LocalInvocationID.x, lanes = gl_WorkGroupSize.x / kBlock;
  barrier();
  float sum = 0;
  for (uint c = me % lanes; c < kS; c += lanes) {
    const float x = rows[me / lanes * kS + c];
    sum = fma(x, x, sum);
  }
  part[me] = sum;
  barrier();
  if (me < kBlock) {
    sum = 0;
    for (uint i = 0; i < lanes; ++i) sum += part[me * lanes + i];
    row_scale[me] = 1.0 / sqrt(sum + a.eps);
  }
  barrier();
}

// Gates of the value heads of a key head.
void prepare_gates(Segment s, uint first, uint n, uint key_head) {
  const uint each = a.heads / a.key_heads, in_base = rows_in_base(s);
  for (uint i = gl_LocalInvocationID.x; i < n * each; i += gl_WorkGroupSize.x) {
    const uint t = first + i / each, head = value_head_of(key_head, i % each, a.heads, a.key_heads);
    const uint row = s.first_row + t;
    const float x = a.alpha.v[row * a.alpha0 + head] + a.dt.v[head];
    const float decay = exact_exp(a.a.v[head] * (x > 20.0 ? x : exact_log1p(exact_exp(x))));
    const uint at = gates_place(row, head, a.heads);
    a.gates.v[at] = decay;
    a.gates.v[at + 1] = sigmoid(a.beta.v[row * a.beta0 + head]);
    if (t >= in_base) s.next_ring.v[entry_place(a.step, a.state, s.n_past + t) + head] = decay;
  }
}

#ifdef MIXER
void convolved(uint t, float sum) { rows[t * kS + gl_LocalInvocationID.x] = sum; }
#endif

void main() {
  const uint slot = gl_WorkGroupID.x, c = gl_LocalInvocationID.x;
  Segment s;
  uint first;
  if (!block_of(a.step, gl_WorkGroupID.y, s, first)) return;
  const uint n = min(kBlock, s.n_rows - first), in_base = rows_in_base(s);
  const uint key_head = slot % a.key_heads;
  const bool is_q = slot < a.key_heads, used = c < kS;
  if (is_q) prepare_gates(s, first, n, key_head);

#ifdef MIXER
  if (used) {
    convolve(a.conv, a.step, s, first, n, slot * kS + c, (2 * a.key_heads + a.heads) * kS);
    for (uint t = 0; t < n; ++t) rows[t * kS + c] = silu(rows[t * kS + c]);
  }
  if (slot >= 2 * a.key_heads) {
    const uint head = slot - 2 * a.key_heads;
    for (uint t = 0; t < n && used; ++t)
      a.v.v[((s.first_row + first + t) * a.heads + head) * kS + c] = rows[t * kS + c];
    return;
  }
#else
  [[unroll]] for (uint t = 0; t < kBlock; ++t) {
    const uint row = s.first_row + first + t;
    if (t < n && used)
      rows[t * kS + c] = is_q ? a.q.v[row * a.q0 + key_head * a.q1 + c] : a.k.v[row * a.k0 + key_head * a.k1 + c];
  }
#endif
  scale_rows();
  for (uint t = 0; t < n && used; ++t) {
    const uint row = s.first_row + first + t;
    const float y = rows[t * kS + c] * row_scale[t];
    a.keys.v[keys_place(row, key_head, a.key_heads) + (is_q ? 0 : kS) + c] = y;
    if (!is_q && first + t >= in_base)
      s.next_ring.v[entry_place(a.step, a.state, s.n_past + first + t) + key_at(key_head, a.heads) + c] = y;
  }
}
