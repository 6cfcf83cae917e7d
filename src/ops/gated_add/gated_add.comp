// y = a + sigmoid(s) * b, a gate per row: four elements per invocation.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/axes.glsl"
#include "backend/vulkan/maths.glsl"

layout(push_constant, scalar) uniform Arguments {
  F32 a, b, s, y;
  uint n;
  Lengths lengths;
  Steps a_steps, b_steps, s_steps;
} args;

void main() {
  uint i = first_element();
  [[unroll]] for (uint k = 0; k < kEach; ++k, i += gl_WorkGroupSize.x)
    if (i < args.n) {
      const float gate = sigmoid(args.s.v[place(i, args.lengths, args.s_steps)]);
      const float gated = gate * args.b.v[place(i, args.lengths, args.b_steps)];
      args.y.v[i] = args.a.v[place(i, args.lengths, args.a_steps)] + gated;
    }
}
