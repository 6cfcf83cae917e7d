// Rows of a KV cache, stored with the bits that the CPU stores. Needs step.glsl. Who includes this says what the row is:
float kv_new(uint i);

// To nearest, ties to even: what packHalf2x16 does is up to the driver.
uint to_half(float x) {
  const uint bits = floatBitsToUint(x), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // A multiple of 2^-24: shifted there with what falls off rounded.
    const uint exponent = max(magnitude >> 23, 1u), shift = 126 - exponent;
    if (shift > 24) return sign;
    const uint whole = magnitude < 0x800000 ? magnitude : magnitude & 0x7fffff | 0x800000;
    const uint kept = whole >> shift, rest = whole & (1 << shift) - 1, half_way = 1 << shift - 1;
    return sign | kept + uint(rest > half_way || rest == half_way && (kept & 1) == 1);
  }
  return sign | magnitude + 0xfff + (magnitude >> 13 & 1) - 0x38000000 >> 13;
}

uint to_bf16(float x) {
  const uint bits = floatBitsToUint(x);
  return (bits & 0x7fffffff) > 0x7f800000 ? bits >> 16 | 64 : bits + 0x7fff + (bits >> 16 & 1) >> 16;
}

// Half away from zero: what round() does with ties is up to the driver.
float round_away(float x) { return x < 0 ? -floor(0.5 - x) : floor(x + 0.5); }

// The row of n floats, by all invocations of the group.
void kv_store(U8 page, uint type, uint place, uint n) {
  const uint first = gl_LocalInvocationID.x, step = gl_WorkGroupSize.x;
  switch (type) {
    case kF32:
      for (uint i = first; i < n; i += step) F32(page).v[place / 4 + i] = kv_new(i);
      return;
    case kF16:
      for (uint i = first; i < n; i += step) U16(page).v[place / 2 + i] = uint16_t(to_half(kv_new(i)));
      return;
    case kBF16:
      for (uint i = first; i < n; i += step) U16(page).v[place / 2 + i] = uint16_t(to_bf16(kv_new(i)));
      return;
    default:
      for (uint b = first; b < n / 32; b += step) {
        float most = 0;
        for (uint i = 0; i < 32; ++i) most = max(most, abs(kv_new(32 * b + i)));
        precise const float d = most / 127.0;
        precise const float inverse = d == 0 ? 0 : 1.0 / d;
        const uint block = place + 34 * b;
        U16(page).v[block / 2] = uint16_t(to_half(d));
        for (uint i = 0; i < 32; ++i) {
          precise const float scaled = kv_new(32 * b + i) * inverse;
          I8(page).v[block + 2 + i] = int8_t(clamp(int(round_away(scaled)), -127, 127));
        }
      }
  }
}
