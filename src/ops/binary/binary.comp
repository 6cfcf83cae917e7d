// y = a + b, a - b, a * b, a / b: four elements per invocation.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/axes.glsl"
#include "backend/vulkan/maths.glsl"

layout(constant_id = 2) const uint kOperator = 0;  // vulkan.cpp

layout(push_constant, scalar) uniform Arguments {
  F32 a, b, y;
  uint n;
  Lengths lengths;
  Steps a_steps, b_steps;
} args;

float apply(float a, float b) {
  if (kOperator == 0) return a + b;
  if (kOperator == 1) return a - b;
  if (kOperator == 2) return a * b;
  return exact_quotient(a, b);
}

void main() {
  uint i = first_element();
  [[unroll]] for (uint k = 0; k < kEach; ++k, i += gl_WorkGroupSize.x)
    if (i < args.n)
      args.y.v[i] = apply(args.a.v[place(i, args.lengths, args.a_steps)],
                          args.b.v[place(i, args.lengths, args.b_steps)]);
}
