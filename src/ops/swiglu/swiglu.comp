// y = silu(gate) * up: four elements per invocation.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/axes.glsl"
#include "backend/vulkan/maths.glsl"

layout(push_constant, scalar) uniform Arguments {
  F32 gate, up, y;
  uint n;
  Lengths lengths;
  Steps gate_steps, up_steps;
} a;

void main() {
  uint i = first_element();
  [[unroll]] for (uint k = 0; k < kEach; ++k, i += gl_WorkGroupSize.x)
    if (i < a.n)
      a.y.v[i] = silu(a.gate.v[place(i, a.lengths, a.gate_steps)]) * a.up.v[place(i, a.lengths, a.up_steps)];
}
