// The shaders of the delta rule with what the mixer has before and behind it.
#version 460
#extension GL_GOOGLE_include_directive : require
#define MIXER
#include "ops/gated_delta_rule/delta.glsl"
#if defined(INPUTS)
#include "ops/gated_delta_rule/delta_inputs.glsl"
#elif defined(ROWS)
#include "ops/gated_delta_rule/delta_rows.glsl"
#else
// The norm of rows that went in chunks; the others have theirs.
#include "ops/gated_delta_rule/delta_norm.glsl"

layout(push_constant, scalar) uniform Arguments {
  F32 o;
  Step step;
  StepRows rows;
  uint n_rows, heads;
  GatedNorm norm;
} a;

void main() {
  const uint head = gl_WorkGroupID.x;
  Segment s;
  uint first;
  if (!block_of(a.step, gl_WorkGroupID.y, s, first)) return;
  const uint chunked = rows_in_chunks(s, a.rows, a.n_rows);
  if (first >= chunked) return;
  const uint n = min(kBlock, chunked - first), row = s.first_row + first;
  norm_begin(a.norm, row, n, head);
  for (uint i = gl_LocalInvocationID.x; i < n * kS; i += gl_WorkGroupSize.x)
    norm_value[i] = a.o.v[((row + i / kS) * a.heads + head) * kS + i % kS];
  barrier();
  norm_end(a.norm, a.o, row, n, head, a.heads);
}
#endif
