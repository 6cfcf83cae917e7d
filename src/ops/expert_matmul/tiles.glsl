// A group per kTileOutputs outputs of a tile of choices of one expert (lists.glsl).
#include "backend/vulkan/product_tiles.glsl"

layout(constant_id = 2) const bool kAligned = false;

layout(push_constant, scalar) uniform Arguments {
  F32 x, scales, y;  // of rounded rows x are their codes, and strides of x count rows
  U32 tiles, list;
  Weights w;
  uint n_in, n_out, top_k;
  uint expert_rows, first_row;  // rows that the matrix of an expert has; which the outputs begin with
  uint x_token, x_choice, y_stride;
  uint up;  // y = silu(y) * product
} a;

float silu(float x) { return x / (1 + exp(-x)); }

uint outputs_across() { return (a.n_out + kTileOutputs - 1) / kTileOutputs; }
uint first_output() { return group_index() % outputs_across() * kTileOutputs; }
uint tile_fact(uint i) { return a.tiles.v[1 + group_index() / outputs_across() * 3 + i]; }
uint tile_choice(uint i) { return a.list.v[tile_fact(1) + min(i, tile_fact(2) - 1)]; }

WeightRow tile_output(uint i) {
  return WeightRow(a.w, tile_fact(0) * a.expert_rows + a.first_row + min(first_output() + i, a.n_out - 1));
}
uint tile_row(uint i) {
  const uint choice = tile_choice(i);
  return choice / a.top_k * a.x_token + choice % a.top_k * a.x_choice;
}

void main() {
  if (group_index() / outputs_across() >= a.tiles.v[0]) return;
  weights_begin();
  multiply_tile(a.x, a.scales, a.n_in, kAligned);
  [[unroll]] for (uint i = 0; i < kRowsEach; ++i) {
    if (row_in_tile(i) >= tile_fact(2)) continue;
    const uint y = tile_choice(row_in_tile(i)) * a.y_stride;
    [[unroll]] for (uint j = 0; j < kOutputsEach; ++j) {
      const uint o = first_output() + output_in_tile(j);
      if (o >= a.n_out) continue;
      const float product = sum[kOutputsEach * i + j];
      a.y.v[y + o] = a.up != 0 ? silu(a.y.v[y + o]) * product : product;
    }
  }
}
