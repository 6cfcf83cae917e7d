// Products of rows of weights with rows of activations: what every kernel does that reads weights once for a few rows.
//
// The invocations of a group take the pieces of a weight row in turn, piece p by invocation p % size, and a row of
// activations is summed by each over its own pieces, then over subgroups, then over these. Nothing of that depends on
// how many rows and outputs there are, and sums are `precise`: otherwise a driver may order them differently for another
// number of rows.
#include "backend/vulkan/weights.glsl"

// The 32 activations of a row, which begins at element `row` of x, that go with piece p. aligned: rows begin at
// multiples of 16 bytes and end behind a whole run.
void activations(F32 x, uint row, uint p, uint n, bool aligned, out vec4 v[8]) {
  [[unroll]] for (uint run = 0; run < 4; ++run) {
    const uint start = run_start(p, run), at = row + start;
    if (aligned) {
      [[unroll]] for (uint i = 0; i < 2; ++i)
        v[2 * run + i] = in_row(start, n) ? F32x4(x).v[at / 4 + i] : vec4(0);
    } else {
      [[unroll]] for (uint i = 0; i < 8; ++i) v[2 * run + i / 4][i % 4] = in_row(start + i, n) ? x.v[at + i] : 0.0;
    }
  }
}

float piece_dot(vec4 q[8], vec4 x[8]) {
  precise vec4 sum = q[0] * x[0];
  [[unroll]] for (uint i = 1; i < 8; ++i) sum = fma(q[i], x[i], sum);
  precise float dot = (sum.x + sum.y) + (sum.z + sum.w);
  return dot;
}
