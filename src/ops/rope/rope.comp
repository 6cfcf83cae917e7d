// Rotation by position: an invocation per pair of dimensions of a few heads of a token.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#define ROTATION_CONSTANTS 2
#include "backend/vulkan/rotation.glsl"

layout(constant_id = 1) const uint kHeads = 4;  // of an invocation

layout(push_constant, scalar) uniform Arguments {
  F32 x, y;
  I32 positions;
  uvec2 start, ratio;
  uint x_token, x_head;  // steps
  uint n_heads, head_dim, half_rot;
  float magnitude;
} a;

void main() {
  const uint token = gl_WorkGroupID.z, first = gl_WorkGroupID.y * kHeads;
  const uint pair = gl_WorkGroupID.x * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  const uint rest = a.head_dim - 2 * a.half_rot;
  const uint x = token * a.x_token, y = token * a.n_heads * a.head_dim;
  if (pair < a.half_rot) {
    const vec2 turned = a.magnitude * rotation(a.start, a.ratio, uint(a.positions.v[token]), pair);
    for (uint head = first; head < min(first + kHeads, a.n_heads); ++head) {
      const uint from = x + head * a.x_head + pair, to = y + head * a.head_dim + pair;
      const vec2 y = rotated(vec2(a.x.v[from], a.x.v[from + a.half_rot]), turned);
      a.y.v[to] = y.x;
      a.y.v[to + a.half_rot] = y.y;
    }
  }
  for (uint head = first; head < min(first + kHeads, a.n_heads); ++head)
    for (uint i = pair; i < rest; i += gl_NumWorkGroups.x * gl_WorkGroupSize.x)
      a.y.v[y + head * a.head_dim + 2 * a.half_rot + i] = a.x.v[x + head * a.x_head + 2 * a.half_rot + i];
}
