// Elementwise functions: four elements per invocation.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/axes.glsl"
#include "backend/vulkan/maths.glsl"

layout(constant_id = 2) const uint kFunction = 0;  // UnaryFunction

layout(push_constant, scalar) uniform Arguments {
  F32 x, y;
  uint n;
  Lengths lengths;
  Steps steps;
} a;

float apply(float x) {
  if (kFunction == 0) return silu(x);
  if (kFunction == 1) return sigmoid(x);
  if (kFunction == 2) return exact_exp(x);
  return x > 20.0 ? x : exact_log1p(exact_exp(x));
}

void main() {
  uint i = first_element();
  [[unroll]] for (uint k = 0; k < kEach; ++k, i += gl_WorkGroupSize.x)
    if (i < a.n) a.y.v[i] = apply(a.x.v[place(i, a.lengths, a.steps)]);
}
