// Chosen rows as they are: four elements per invocation.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/step_rows.glsl"

layout(push_constant, scalar) uniform Arguments {
  U32 x, y;
  I32 rows;
  StepRows step_rows;
  uint x_row, rows_step;
  uint n, n_rows, n_chosen;
} a;

void main() {
  const uint n = live_of(a.step_rows, a.n_chosen) * a.n;
  uint i = group_index() * gl_WorkGroupSize.x * 4 + gl_LocalInvocationID.x;
  [[unroll]] for (uint k = 0; k < 4; ++k, i += gl_WorkGroupSize.x)
    if (i < n) {
      // A wrong number reads another row, but nothing else.
      const uint row = min(uint(a.rows.v[i / a.n * a.rows_step]), a.n_rows - 1);
      a.y.v[i] = a.x.v[row * a.x_row + i % a.n];
    }
}
