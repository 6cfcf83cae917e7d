// A square of kTile outputs and kTile rows by one group, piece by piece of the weights through shared memory. Who
// includes this says which they are:
void tile_piece(uint output_of_tile, uint p, out vec4 q[8]);  // the weights of piece p
uint tile_row(uint row_of_tile);                              // the element of x that the row begins with

layout(constant_id = 1) const uint kTile = 64;

// Every invocation has kSide outputs and kSide rows; those of a group form a square of kAcross.
const uint kAcross = 8, kSide = kTile / kAcross;

shared float tile_w[32 * kTile], tile_x[32 * kTile];

uint tile_column() { return gl_LocalInvocationID.x % kAcross; }  // outputs kAcross * i + tile_column()
uint tile_line() { return gl_LocalInvocationID.x / kAcross; }    // rows kAcross * i + tile_line()

// Of output j and row i of the invocation: at kSide * i + j.
float sum[kSide * kSide];

void multiply_tile(F32 rows, uint n, bool aligned) {
  const uint me = gl_LocalInvocationID.x;
  [[unroll]] for (uint i = 0; i < kSide * kSide; ++i) sum[i] = 0;
  for (uint p = 0; p < pieces_of(n); ++p) {
    if (!in_row(run_start(p, 0), n)) continue;
    for (uint i = me; i < kTile; i += gl_WorkGroupSize.x) {
      vec4 q[8], x[8];
      tile_piece(i, p, q);
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
        w[i] = tile_w[k * kTile + kAcross * i + tile_column()];
        x[i] = tile_x[k * kTile + kAcross * i + tile_line()];
      }
      [[unroll]] for (uint i = 0; i < kSide; ++i)
        [[unroll]] for (uint j = 0; j < kSide; ++j) sum[kSide * i + j] = fma(x[i], w[j], sum[kSide * i + j]);
    }
    barrier();
  }
}
