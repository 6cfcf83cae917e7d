// Functions that Vulkan does not promise precisely enough (its exp, log, sin and division may be off by several units
// of the last place, or more), from additions and products, which it rounds correctly.

bool is_nan(float x) { return (floatBitsToUint(x) & 0x7FFFFFFFu) > 0x7F800000u; }
float infinity() { return uintBitsToFloat(0x7F800000u); }

// 2^k for -126 <= k <= 127.
float two_to(int k) { return uintBitsToFloat(uint(k + 127) << 23); }

// e^x = 2^k e^r with |r| <= ln 2 / 2. The first part of ln 2 has so few bits that k times it is exact.
float exact_exp(float x) {
  if (x < -104.0) return 0.0;
  if (x > 89.0) return infinity();
  precise float k = roundEven(x * 1.44269504);
  precise float r = x - k * 0.693359375;
  r = r + k * 2.12194440e-4;
  precise float p = 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r * r + r + 1.0;
  const int all = clamp(int(k), -160, 160), first = all / 2;  // not a number: whatever, the product is none either
  return p * two_to(first) * two_to(all - first);
}

// log(1 + u) for u >= 0: 1 + u = 2^k (1 + f), and log(1 + f) = 2 artanh(f / (2 + f)).
float exact_log1p(float u) {
  precise float w = 1.0 + u;
  precise float lost = u < 1.0 ? u - (w - 1.0) : 1.0 - (w - u);
  const uint bits = floatBitsToUint(w);
  const int k = int((bits + (0x3F800000u - 0x3F3504F3u)) >> 23) - 127;
  precise float f = uintBitsToFloat(bits - (uint(k) << 23)) - 1.0;
  precise float s = f / (2.0 + f);
  const float z = s * s;
  const float series = z * (2.0 / 3.0 + z * (2.0 / 5.0 + z * (2.0 / 7.0 + z * (2.0 / 9.0))));
  return 2.0 * s + (s * series + lost / w) + float(k) * 0.69314718;
}

float sigmoid(float x) { return 1.0 / (1.0 + exact_exp(-x)); }
float silu(float x) { return x / (1.0 + exact_exp(-x)); }

// a / b to the last bit. The quotient of the significands is guessed and put right in whole numbers; operands and
// results near the ends of the range are left to the device.
float exact_quotient(float a, float b) {
  const uint x = floatBitsToUint(a), y = floatBitsToUint(b);
  const int ea = int(x >> 23 & 255u), eb = int(y >> 23 & 255u);
  uint ma = x & 0x7FFFFFu | 0x800000u;
  const uint mb = y & 0x7FFFFFu | 0x800000u;
  int exponent = ea - eb + 127;
  if (ma < mb) {
    ma <<= 1;
    --exponent;
  }
  if (ea == 0 || ea == 255 || eb == 0 || eb == 255 || exponent < 1 || exponent > 253) return a / b;
  uint q = uint(float(ma) / float(mb) * 8388608.0);
  int rest = int((ma << 23) - q * mb);  // small, so 32 bits of it are all
  while (rest < 0) {
    --q;
    rest += int(mb);
  }
  while (rest >= int(mb)) {
    ++q;
    rest -= int(mb);
  }
  if (2 * rest > int(mb)) ++q;
  return uintBitsToFloat(((x ^ y) & 0x80000000u) | ((uint(exponent) << 23) + (q - 0x800000u)));
}

// Cosine and sine of a part of a turn in 2^-32.
vec2 cos_sin_of_turn(uint turn) {
  const uint quarter = turn + 0x20000000u >> 30;
  const float x = float(int(turn - (quarter << 30))) * (6.28318531 / 4294967296.0), z = x * x;
  const float s = x + x * z * (-1.0 / 6.0 + z * (1.0 / 120.0 + z * (-1.0 / 5040.0 + z * (1.0 / 362880.0))));
  const float c = 1.0 - z * (0.5 - z * (1.0 / 24.0 - z * (1.0 / 720.0 - z * (1.0 / 40320.0 - z * (1.0 / 3628800.0)))));
  const vec2 first = (quarter & 1u) == 0 ? vec2(c, s) : vec2(-s, c);
  return (quarter & 2u) == 0 ? first : -first;
}
