// y[t, j] = x[t, ids[t, j]]: an invocation per element.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/step_rows.glsl"

layout(push_constant, scalar) uniform Arguments {
  U32 x, y;
  I32 ids;
  StepRows step_rows;
  uint x_row, ids_row;
  uint n_columns, n_chosen, n_rows;
} a;

void main() {
  const uint i = invocation_index(), row = i / a.n_chosen;
  if (row >= live_of(a.step_rows, a.n_rows)) return;
  // A wrong number reads another column, but nothing else.
  const uint column = min(uint(a.ids.v[row * a.ids_row + i % a.n_chosen]), a.n_columns - 1);
  a.y.v[i] = a.x.v[row * a.x_row + column];
}
