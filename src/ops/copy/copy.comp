// Elements as they are, from anywhere to anywhere: four per invocation.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/axes.glsl"

layout(push_constant, scalar) uniform Arguments {
  U32 from, to;
  uint n;
  Lengths lengths;
  Steps from_steps, to_steps;
} a;

void main() {
  uint i = first_element();
  [[unroll]] for (uint k = 0; k < kEach; ++k, i += gl_WorkGroupSize.x)
    if (i < a.n) a.to.v[place(i, a.lengths, a.to_steps)] = a.from.v[place(i, a.lengths, a.from_steps)];
}
