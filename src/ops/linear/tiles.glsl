// A group per tile of kTile outputs and kTile rows, piece by piece of the weights through shared memory. Rows that must
// be exact are left to the other kernel, and padding to nobody.
layout(constant_id = 1) const uint kTile = 64;
layout(constant_id = 3) const bool kAligned = false;
layout(constant_id = 4) const bool kResidual = false;

// Every invocation has kSide outputs and kSide rows; those of a group form a square of kAcross.
const uint kAcross = 8, kSide = kTile / kAcross;

shared float tile_w[32 * kTile], tile_x[32 * kTile];

void main() {
  const uint n = a.n_in, across = (n_outputs() + kTile - 1) / kTile;
  const uint first_output = group_index() % across * kTile, first_row = group_index() / across * kTile;
  const uint exact = exact_of(a.rows, a.n_rows), live = live_of(a.rows, a.n_rows);
  if (first_row >= live || first_row + kTile <= exact) return;
  weights_begin();
  const uint me = gl_LocalInvocationID.x, column = me % kAcross, line = me / kAcross;
  float sum[kSide * kSide];
  [[unroll]] for (uint i = 0; i < kSide * kSide; ++i) sum[i] = 0;
  for (uint p = 0; p < pieces_of(n); ++p) {
    if (!in_row(run_start(p, 0), n)) continue;
    for (uint i = me; i < kTile; i += gl_WorkGroupSize.x) {
      vec4 q[8], x[8];
      output_piece(min(first_output + i, n_outputs() - 1), p, q);
      activations(a.x, min(first_row + i, live - 1) * a.x_stride, p, n, kAligned, x);
      [[unroll]] for (uint k = 0; k < 32; ++k) {
        tile_w[k * kTile + i] = q[k / 4][k % 4];
        tile_x[k * kTile + i] = x[k / 4][k % 4];
      }
    }
    barrier();
    for (uint k = 0; k < 32; ++k) {
      float w[kSide], x[kSide];
      [[unroll]] for (uint i = 0; i < kSide; ++i) {
        w[i] = tile_w[k * kTile + kAcross * i + column];
        x[i] = tile_x[k * kTile + kAcross * i + line];
      }
      [[unroll]] for (uint i = 0; i < kSide; ++i)
        [[unroll]] for (uint j = 0; j < kSide; ++j) sum[i * kSide + j] = fma(x[i], w[j], sum[i * kSide + j]);
    }
    barrier();
  }
  [[unroll]] for (uint i = 0; i < kSide; ++i)
    [[unroll]] for (uint j = 0; j < kSide; ++j) {
      const uint row = first_row + kAcross * i + line, o = first_output + kAcross * j + column;
      if (row < exact || row >= live || o >= n_outputs()) continue;
      float y = sum[i * kSide + j];
      if (kResidual) y += a.residual.v[row * a.residual_stride + o];
      a.y.v[row * a.y_stride + o] = y;
    }
}
