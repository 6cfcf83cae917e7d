// See product_tiles.glsl. Weights and activations are kept as pairs of 16-bit floats; their products and the sums are
// floats.
#include "backend/vulkan/halves.glsl"
#include "backend/vulkan/tiles_of_four.glsl"

// Pairs of a piece: pair k of output i at k * kTileOutputs + i, and so of rows.
shared uint tile_w[16 * kTileOutputs], tile_x[16 * kTileRows];

void multiply_tile(F32 rows, F32 scales, uint n, bool aligned) {
  const uint me = gl_LocalInvocationID.x;
  [[unroll]] for (uint i = 0; i < kRowsEach * kOutputsEach; ++i) sum[i] = 0;
  for (uint p = 0; p < pieces_of(n); ++p) {
    // One half of the group fetches weights, the other activations.
    for (uint i = me; i < kTileOutputs + kTileRows; i += gl_WorkGroupSize.x) {
      vec4 v[8];
      if (i < kTileOutputs) {
        WeightRow output_row = tile_output(i);
        weight_piece(output_row.w, output_row.row, p, n, v);
        [[unroll]] for (uint k = 0; k < 8; ++k) {
          tile_w[2 * k * kTileOutputs + i] = packHalf2x16(v[k].xy);
          tile_w[(2 * k + 1) * kTileOutputs + i] = packHalf2x16(v[k].zw);
        }
      } else {
        const uint row = i - kTileOutputs;
        activations(rows, tile_row(row), p, n, aligned, v);
        [[unroll]] for (uint k = 0; k < 8; ++k) {
          const vec4 x = in_half(v[k]);
          tile_x[2 * k * kTileRows + row] = packHalf2x16(x.xy);
          tile_x[(2 * k + 1) * kTileRows + row] = packHalf2x16(x.zw);
        }
      }
    }
    barrier();
    for (uint k = 0; k < 16; ++k) {
      vec2 w[kOutputsEach], x[kRowsEach];
      [[unroll]] for (uint j = 0; j < kOutputsEach; ++j) w[j] = unpackHalf2x16(tile_w[k * kTileOutputs + output_in_tile(j)]);
      [[unroll]] for (uint i = 0; i < kRowsEach; ++i) x[i] = unpackHalf2x16(tile_x[k * kTileRows + row_in_tile(i)]);
      [[unroll]] for (uint i = 0; i < kRowsEach; ++i)
        [[unroll]] for (uint j = 0; j < kOutputsEach; ++j) {
          const uint at = kOutputsEach * i + j;
          sum[at] = fma(x[i].y, w[j].y, fma(x[i].x, w[j].x, sum[at]));
        }
    }
    barrier();
  }
}
