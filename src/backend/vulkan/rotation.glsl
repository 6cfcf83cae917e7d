// Rotation by position. Angles are counted in turns, of which only the fraction matters, so a position times the turns per
// position of a pair is one product of whole numbers, in 2^-64 of a turn. The turns per position of pair i are
// start * ratio^i. YaRN multiplies them by a number that is linear in i between two bounds. Host side:
// ops/recorded_rotation.h. Who includes this has said with which constant ROTATION_CONSTANTS, of eight, it begins.
#include "backend/vulkan/maths.glsl"

// Of YaRN, pairs of words, low one first, in 2^-44. Without YaRN all are 0.
layout(constant_id = ROTATION_CONSTANTS) const uint kAtZero0 = 0;
layout(constant_id = ROTATION_CONSTANTS + 1) const uint kAtZero1 = 0;
layout(constant_id = ROTATION_CONSTANTS + 2) const uint kPerPair0 = 0;
layout(constant_id = ROTATION_CONSTANTS + 3) const uint kPerPair1 = 0;
layout(constant_id = ROTATION_CONSTANTS + 4) const uint kLeast0 = 0;
layout(constant_id = ROTATION_CONSTANTS + 5) const uint kLeast1 = 0;
layout(constant_id = ROTATION_CONSTANTS + 6) const uint kMost0 = 0;
layout(constant_id = ROTATION_CONSTANTS + 7) const uint kMost1 = 0;

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

// The rotation of a pair at a position, as cosine and sine. Both numbers are fractions.
vec2 rotation(uvec2 start, uvec2 ratio, uint position, uint pair) {
  uvec2 per_position = start;
  for (uint rest = pair; rest != 0; rest >>= 1) {
    if ((rest & 1u) != 0) per_position = fraction_product(per_position, ratio);
    ratio = fraction_product(ratio, ratio);
  }
  if ((kMost0 | kMost1) != 0) {
    per_position = fraction_product(per_position, multiplier(pair));
    per_position = uvec2(per_position.x << 1, per_position.y << 1 | per_position.x >> 31);
  }
  uint high, low;
  umulExtended(per_position.x, position, high, low);
  return cos_sin_of_turn(high + per_position.y * position);
}

vec2 rotated(vec2 pair, vec2 by) { return vec2(pair.x * by.x - pair.y * by.y, pair.x * by.y + pair.y * by.x); }
