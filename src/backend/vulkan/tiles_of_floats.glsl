// See product_tiles.glsl. Outputs and rows of an invocation lie kAcross apart.
layout(constant_id = 1) const uint kTile = 64;

const uint kTileRows = kTile, kTileOutputs = kTile;
const uint kAcross = 8, kSide = kTile / kAcross, kRowsEach = kSide, kOutputsEach = kSide;

shared float tile_w[32 * kTile], tile_x[32 * kTile];

uint output_in_tile(uint j) { return kAcross * j + gl_LocalInvocationID.x % kAcross; }
uint row_in_tile(uint i) { return kAcross * i + gl_LocalInvocationID.x / kAcross; }

float sum[kRowsEach * kOutputsEach];

void multiply_tile(F32 rows, F32 scales, uint n, bool aligned) {
  const uint me = gl_LocalInvocationID.x;
  [[unroll]] for (uint i = 0; i < kSide * kSide; ++i) sum[i] = 0;
  for (uint p = 0; p < pieces_of(n); ++p) {
    if (!in_row(run_start(p, 0), n)) continue;
    for (uint i = me; i < kTile; i += gl_WorkGroupSize.x) {
      vec4 q[8], x[8];
      WeightRow output_row = tile_output(i);
      weight_piece(output_row.w, output_row.row, p, n, q);
      activations(rows, tile_row(i), p, n, aligned, x);
      [[unroll]] for (uint k = 0; k < 32; ++k) {
        tile_w[k * kTile + i] = q[k / 4][k % 4];
        tile_x[k * kTile + i] = x[k / 4][k % 4];
      }
    }
    barrier();
    for (uint k = 0; k < 32; ++k) {
      float w[kSide], x[kSide];
      [[unroll]] for (uint i = 0; i < kSide; ++i) {
        w[i] = tile_w[k * kTile + output_in_tile(i)];
        x[i] = tile_x[k * kTile + row_in_tile(i)];
      }
      [[unroll]] for (uint i = 0; i < kSide; ++i)
        [[unroll]] for (uint j = 0; j < kSide; ++j) sum[kSide * i + j] = fma(x[i], w[j], sum[kSide * i + j]);
    }
    barrier();
  }
}
