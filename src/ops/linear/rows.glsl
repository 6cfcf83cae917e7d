// A group per kOutputs outputs for all rows, kRows at a time.
layout(constant_id = 1) const uint kRows = 1;
layout(constant_id = 2) const uint kOutputs = 2;
layout(constant_id = 3) const bool kAligned = false;
layout(constant_id = 4) const bool kSwiglu = false;  // see `up`

const uint kSums = kRows * kOutputs;
const uint kLeastSubgroup = 4;
shared float part[gl_WorkGroupSize.x / kLeastSubgroup * kSums];

void output_piece(uint o, uint p, out vec4 q[8]) {
  Weights w = matrix_of(o);
  weight_piece(w, o, p, a.n_in, q);
}

void row_piece(uint row, uint p, out vec4 x[8]) {
  activations(a.x, row * a.x_stride, p, a.n_in, kAligned, x);
  if (kSwiglu) {
    vec4 up[8];
    activations(a.up, row * a.up_stride, p, a.n_in, kAligned, up);
    [[unroll]] for (uint i = 0; i < 8; ++i)
      [[unroll]] for (uint j = 0; j < 4; ++j) x[i][j] = silu(x[i][j]) * up[i][j];
  }
}

void main() {
  const uint first = group_index() * kOutputs, n = a.n_in;
  if (first >= n_outputs()) return;
  weights_begin();
  const uint end = a.all_rows != 0 ? live_of(a.rows, a.n_rows) : exact_of(a.rows, a.n_rows);
  for (uint row = 0; row < end; row += kRows) {
    precise float sum[kSums];
    [[unroll]] for (uint i = 0; i < kSums; ++i) sum[i] = 0;
    for (uint p = gl_LocalInvocationID.x; p < pieces_of(n); p += gl_WorkGroupSize.x) {
      vec4 q[kOutputs][8];
      [[unroll]] for (uint o = 0; o < kOutputs; ++o) output_piece(min(first + o, n_outputs() - 1), p, q[o]);
      [[unroll]] for (uint r = 0; r < kRows; ++r) {
        vec4 x[8];
        row_piece(min(row + r, end - 1), p, x);
        [[unroll]] for (uint o = 0; o < kOutputs; ++o) sum[r * kOutputs + o] += piece_dot(q[o], x);
      }
    }
    barrier();  // what rows before these left was read
    [[unroll]] for (uint i = 0; i < kSums; ++i) {
      const float of_subgroup = subgroupAdd(sum[i]);
      if (subgroupElect()) part[gl_SubgroupID * kSums + i] = of_subgroup;
    }
    barrier();
    for (uint i = gl_LocalInvocationID.x; i < kSums; i += gl_WorkGroupSize.x) {
      const uint r = row + i / kOutputs, o = first + i % kOutputs;
      if (r >= end || o >= n_outputs()) continue;
      precise float y = part[i];
      for (uint s = 1; s < gl_NumSubgroups; ++s) y += part[s * kSums + i];
      a.y.v[r * a.y_stride + o] = finished(y, r, o);
    }
  }
}
