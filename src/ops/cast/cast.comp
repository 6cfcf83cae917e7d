// F32, F16 or BF16 as F32: four elements per invocation.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/dequantise.glsl"

layout(constant_id = 1) const uint kType = 0;  // GGUF's number

layout(push_constant, scalar) uniform Arguments {
  U16 x;
  U32 y;
  uint n;
} a;

// What is only moved must not meet arithmetic.
uint element(uint i) {
  if (kType == 0) return U32(a.x).v[i];
  const uint raw = uint(a.x.v[i]);
  return kType == 1 ? floatBitsToUint(from_half(raw)) : raw << 16;
}

void main() {
  uint i = group_index() * gl_WorkGroupSize.x * 4 + gl_LocalInvocationID.x;
  [[unroll]] for (uint k = 0; k < 4; ++k, i += gl_WorkGroupSize.x)
    if (i < a.n) a.y.v[i] = element(i);
}
