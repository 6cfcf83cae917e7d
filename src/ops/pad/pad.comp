// Zeros: four elements per invocation.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/axes.glsl"

layout(push_constant, scalar) uniform Arguments {
  U32 y;
  uint n;
  Lengths lengths;
  Steps steps;
} a;

void main() {
  uint i = first_element();
  [[unroll]] for (uint k = 0; k < kEach; ++k, i += gl_WorkGroupSize.x)
    if (i < a.n) a.y.v[place(i, a.lengths, a.steps)] = 0;
}
