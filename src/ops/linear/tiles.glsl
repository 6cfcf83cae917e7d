// A group per tile of outputs and rows. Rows that must be exact are left to the other kernel, and padding to nobody.
#include "backend/vulkan/product_tiles.glsl"

layout(constant_id = 3) const bool kAligned = false;
layout(constant_id = 4) const bool kResidual = false;

uint outputs_across() { return (n_outputs() + kTile - 1) / kTile; }
uint first_output() { return group_index() % outputs_across() * kTile; }
uint first_row() { return group_index() / outputs_across() * kTile; }

void tile_piece(uint i, uint p, out vec4 q[8]) { output_piece(min(first_output() + i, n_outputs() - 1), p, q); }
uint tile_row(uint i) { return min(first_row() + i, a.n_rows - 1) * a.x_stride; }

void main() {
  const uint exact = exact_of(a.rows, a.n_rows), live = live_of(a.rows, a.n_rows);
  if (first_row() >= live || first_row() + kTile <= exact) return;
  weights_begin();
  multiply_tile(a.x, a.n_in, kAligned);
  [[unroll]] for (uint i = 0; i < kSide; ++i)
    [[unroll]] for (uint j = 0; j < kSide; ++j) {
      const uint row = first_row() + kAcross * i + tile_line(), o = first_output() + kAcross * j + tile_column();
      if (row < exact || row >= live || o >= n_outputs()) continue;
      float y = sum[kSide * i + j];
      if (kResidual) y += a.residual.v[row * a.residual_stride + o];
      a.y.v[row * a.y_stride + o] = y;
    }
}
