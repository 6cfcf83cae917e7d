// Rotation by position: an invocation per pair of dimensions of a few heads of a token.
//
// Angles are counted in turns, of which only the fraction matters, so a position times the turns per position of a pair
// is one product of whole numbers, in 2^-64 of a turn. The turns per position of pair i are start * ratio^i; the host
// gives ratio^(2^k). YaRN multiplies them by a number that is linear in i between two bounds.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/maths.glsl"

layout(constant_id = 1) const uint kHeads = 4;  // of an invocation
layout(constant_id = 2) const uint kYarn = 0;
// Pairs of words, low one first. Multipliers: in 2^-44.
layout(constant_id = 3) const uint kAtZero0 = 0;
layout(constant_id = 4) const uint kAtZero1 = 0;
layout(constant_id = 5) const uint kPerPair0 = 0;
layout(constant_id = 6) const uint kPerPair1 = 0;
layout(constant_id = 7) const uint kLeast0 = 0;
layout(constant_id = 8) const uint kLeast1 = 0;
layout(constant_id = 9) const uint kMost0 = 0;
layout(constant_id = 10) const uint kMost1 = 0;

layout(push_constant, scalar) uniform Arguments {
  F32 x, y;
  I32 positions;
  uvec2 start, ratio[8];  // ratio[k]: ^(2^k)
  uint x_token, x_head;   // steps
  uint n_heads, head_dim, half_rot;
  float magnitude;
} a;

// The upper 64 bits of a product.
uvec2 fraction_product(uvec2 a, uvec2 b) {
  uint over, low, middle, lower, upper, top, carry, ignored;
  umulExtended(a.x, b.x, over, ignored);
  umulExtended(a.x, b.y, middle, low);
  low = uaddCarry(low, over, carry);
  middle += carry;
  umulExtended(a.y, b.x, upper, lower);
  uaddCarry(low, lower, carry);
  upper += carry;
  low = uaddCarry(middle, upper, carry);
  umulExtended(a.y, b.y, top, lower);
  top += carry;
  low = uaddCarry(low, lower, carry);
  return uvec2(low, top + carry);
}

// Of YaRN, at most 2, in 2^-63.
uvec2 multiplier(uint pair) {
  uint carry, high, low;
  umulExtended(kPerPair0, pair, high, low);
  high += kPerPair1 * pair;
  low = uaddCarry(low, kAtZero0, carry);
  high += kAtZero1 + carry;
  const int signed_high = int(high);
  if (signed_high < int(kLeast1) || (signed_high == int(kLeast1) && low < kLeast0)) {
    high = kLeast1;
    low = kLeast0;
  }
  if (signed_high > int(kMost1) || (signed_high == int(kMost1) && low > kMost0)) {
    high = kMost1;
    low = kMost0;
  }
  return uvec2(low << 19, high << 19 | low >> 13);
}

uint turn(uint position, uint pair) {
  uvec2 per_position = a.start;
  [[unroll]] for (uint k = 0; k < 8; ++k)
    if ((pair >> k & 1u) != 0) per_position = fraction_product(per_position, a.ratio[k]);
  if (kYarn != 0) {
    per_position = fraction_product(per_position, multiplier(pair));
    per_position = uvec2(per_position.x << 1, per_position.y << 1 | per_position.x >> 31);
  }
  uint high, low;
  umulExtended(per_position.x, position, high, low);
  return high + per_position.y * position;
}

void main() {
  const uint token = gl_WorkGroupID.z, first = gl_WorkGroupID.y * kHeads;
  const uint pair = gl_WorkGroupID.x * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  const uint rest = a.head_dim - 2 * a.half_rot;
  const uint x = token * a.x_token, y = token * a.n_heads * a.head_dim;
  if (pair < a.half_rot) {
    const vec2 turned = a.magnitude * cos_sin_of_turn(turn(uint(a.positions.v[token]), pair));
    for (uint head = first; head < min(first + kHeads, a.n_heads); ++head) {
      const uint from = x + head * a.x_head + pair, to = y + head * a.head_dim + pair;
      const float p = a.x.v[from], q = a.x.v[from + a.half_rot];
      a.y.v[to] = p * turned.x - q * turned.y;
      a.y.v[to + a.half_rot] = p * turned.y + q * turned.x;
    }
  }
  for (uint head = first; head < min(first + kHeads, a.n_heads); ++head)
    for (uint i = pair; i < rest; i += gl_NumWorkGroups.x * gl_WorkGroupSize.x)
      a.y.v[y + head * a.head_dim + 2 * a.half_rot + i] = a.x.v[x + head * a.x_head + 2 * a.half_rot + i];
}
