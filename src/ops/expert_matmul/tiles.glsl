// A group per kTile outputs of a tile of choices of one expert (lists.glsl).
#include "backend/vulkan/product_tiles.glsl"

layout(constant_id = 2) const bool kAligned = false;
layout(constant_id = 3) const bool kUp = false;  // y = silu(y) * product

layout(push_constant, scalar) uniform Arguments {
  F32 x, y;
  U32 tiles, list;
  Weights w;
  uint n_in, n_out, top_k;
  uint expert_rows, first_row;  // rows that the matrix of an expert has; which the outputs begin with
  uint x_token, x_choice, y_stride;
} a;

uint outputs_across() { return (a.n_out + kTile - 1) / kTile; }
uint first_output() { return group_index() % outputs_across() * kTile; }
uint tile_fact(uint i) { return a.tiles.v[1 + group_index() / outputs_across() * 3 + i]; }
uint tile_choice(uint i) { return a.list.v[tile_fact(1) + min(i, tile_fact(2) - 1)]; }

void tile_piece(uint i, uint p, out vec4 q[8]) {
  weight_piece(a.w, tile_fact(0) * a.expert_rows + a.first_row + min(first_output() + i, a.n_out - 1), p, a.n_in, q);
}
uint tile_row(uint i) {
  const uint choice = tile_choice(i);
  return choice / a.top_k * a.x_token + choice % a.top_k * a.x_choice;
}

void main() {
  if (group_index() / outputs_across() >= a.tiles.v[0]) return;
  weights_begin();
  multiply_tile(a.x, a.n_in, kAligned);
  [[unroll]] for (uint i = 0; i < kSide; ++i) {
    const uint row = kAcross * i + tile_line();
    if (row >= tile_fact(2)) continue;
    const uint y = tile_choice(row) * a.y_stride;
    [[unroll]] for (uint j = 0; j < kSide; ++j) {
      const uint o = first_output() + kAcross * j + tile_column();
      if (o >= a.n_out) continue;
      const float product = sum[kSide * i + j];
      a.y.v[y + o] = kUp ? silu(a.y.v[y + o]) * product : product;
    }
  }
}
