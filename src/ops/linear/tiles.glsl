// A group per tile of outputs and rows. Rows that must be exact are left to the other kernel, and padding to nobody.
#include "backend/vulkan/product_tiles.glsl"

layout(constant_id = 3) const bool kAligned = false;

uint outputs_across() { return (n_outputs() + kTileOutputs - 1) / kTileOutputs; }
uint first_output() { return group_index() % outputs_across() * kTileOutputs; }
uint first_row() { return group_index() / outputs_across() * kTileRows; }

WeightRow tile_output(uint i) {
  uint o = min(first_output() + i, n_outputs() - 1);
  Weights w = matrix_of(o);
  return WeightRow(w, o);
}
uint tile_row(uint i) { return min(first_row() + i, a.n_rows - 1) * a.x_stride; }

void main() {
  const uint exact = exact_of(a.rows, a.n_rows), live = live_of(a.rows, a.n_rows);
  if (first_row() >= live || first_row() + kTileRows <= exact) return;
  weights_begin();
  multiply_tile(a.x, a.up, a.n_in, kAligned);
  [[unroll]] for (uint i = 0; i < kRowsEach; ++i)
    [[unroll]] for (uint j = 0; j < kOutputsEach; ++j) {
      const uint row = first_row() + row_in_tile(i), o = first_output() + output_in_tile(j);
      if (row < exact || row >= live || o >= n_outputs()) continue;
      a.y.v[row * a.y_stride + o] = finished(sum[kOutputsEach * i + j], row, o);
    }
}
