// A panel of outputs as rows of halves, for matrices.comp: an invocation per piece, kEach of them. Of the arguments x is
// where they go, n_rows how many outputs they are, and x_stride the first of them.
#include "backend/vulkan/halves.glsl"

const uint kEach = 4;

void main() {
  weights_begin();
  const uint pieces = pieces_of(a.n_in), begin = group_index() * gl_WorkGroupSize.x * kEach + gl_LocalInvocationID.x;
  for (uint j = 0; j < kEach; ++j) {
    const uint i = begin + j * gl_WorkGroupSize.x, row = i / pieces, p = i % pieces;
    if (row >= a.n_rows) return;
    uint o = a.x_stride + row;
    Weights w = matrix_of(o);
    vec4 q[8];
    weight_piece(w, o, p, a.n_in, q);
    [[unroll]] for (uint run = 0; run < 4; ++run)
      U32x4(a.x).v[(row * a.n_in + run_start(p, run)) / 8] = eight_halves(q[2 * run], q[2 * run + 1]);
  }
}
