// The lower triangle, zeros elsewhere: four elements per invocation.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/axes.glsl"

layout(push_constant, scalar) uniform Arguments {
  U32 x, y;
  uint n;
  Lengths lengths;
  Steps steps;
  uint n_rows, n_columns;  // of a matrix
  uint kept;               // columns of its first row
} a;

void main() {
  uint i = first_element();
  [[unroll]] for (uint k = 0; k < kEach; ++k, i += gl_WorkGroupSize.x)
    if (i < a.n) {
      const bool keep = i % a.n_columns < i / a.n_columns % a.n_rows + a.kept;
      a.y.v[i] = keep ? a.x.v[place(i, a.lengths, a.steps)] : 0;
    }
}
