// Types whose 4-bit codes are places in a table.
shared float code_table[16];

#if defined(WEIGHT_IQ4_NL) || defined(WEIGHT_IQ4_XS)
const float kCodes[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
#else
// Twice the values of E2M1; minus zero is zero.
const float kCodes[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
#endif

#if defined(WEIGHT_IQ4_NL)
const uint kBlock = 32;
struct Block {
  uint16_t d, qs[8];
};
#define ALIGN 2
#elif defined(WEIGHT_IQ4_XS)
const uint kBlock = 256;
struct Block {
  uint16_t d, scales_h;
  uint scales_l, qs[32];
};
#define ALIGN 4
#elif defined(WEIGHT_MXFP4)
const uint kBlock = 32;
struct Block {
  uint8_t e, qs[16];
};
#define ALIGN 1
#else
const uint kBlock = 64;
struct Block {
  uint d, qs[8];
};
#define ALIGN 4
#endif
layout(buffer_reference, scalar, buffer_reference_align = ALIGN) buffer Weights { Block v[]; };
#if ALIGN <= 2
#include "backend/vulkan/weight_planes.glsl"
#endif

void weights_begin() {
  for (uint i = gl_LocalInvocationID.x; i < 16; i += gl_WorkGroupSize.x) code_table[i] = kCodes[i];
  barrier();
}
uint run_start(uint p, uint run) { return 32 * p + 8 * run; }

vec4 codes_of(uint nibbles) {
  return vec4(code_table[nibbles & 15u], code_table[nibbles >> 8 & 15u], code_table[nibbles >> 16 & 15u],
              code_table[nibbles >> 24 & 15u]);
}

// Half the scale 2^(e - 127), as the table is doubled.
float mx_scale(uint e) { return uintBitsToFloat(e < 2 ? 0x00200000u << e : e - 1 << 23); }
// Half of UE4M3, for the same reason; bit 7 means nothing.
float nv_scale(uint x) {
  const uint exponent = x >> 3 & 15u, mantissa = x & 7u;
  if (x == 0x7F) return 0;
  if (exponent == 0) return float(mantissa) / 1024;
  return uintBitsToFloat(exponent + 119 << 23 | mantissa << 20);
}

void weight_piece(Weights w, uint row, uint p, uint n, precise out vec4 q[8]) {
#if defined(WEIGHT_NVFP4)
  // Two sub-blocks of 16: 8 bytes, low nibbles first.
  const uint at = row * (n / kBlock) + p / 2;
  [[unroll]] for (uint sub = 0; sub < 2; ++sub) {
    const float scale = nv_scale(w.v[at].d >> p % 2 * 16 + sub * 8 & 255u);
    [[unroll]] for (uint i = 0; i < 2; ++i) {
      const uint word = w.v[at].qs[p % 2 * 4 + sub * 2 + i];
      q[4 * sub + i] = scale * codes_of(word);
      q[4 * sub + i + 2] = scale * codes_of(word >> 4);
    }
  }
#else
#if defined(WEIGHT_IQ4_XS)
  const uint at = row * (n / kBlock) + p / 8, b = p % 8;
  const uint low = w.v[at].scales_l >> 4 * b & 15u, high = uint(w.v[at].scales_h) >> 2 * b & 3u;
  const float scale = half_of(w.v[at].d) * float(int(low | high << 4) - 32);
#else
  const uint blocks = n / kBlock, at = row * blocks + p;
#if defined(WEIGHT_MXFP4)
  PlaneRow r = plane_row(w, row, blocks * 17);
  const float scale = mx_scale(kWideWeights ? narrow_byte(r, blocks * 16 + p) : uint(w.v[at].e));
#else
  PlaneRow r = plane_row(w, row, blocks * 18);
  const float scale = half_of(kWideWeights ? narrow_bytes(r, blocks * 16 + 2 * p) : uint(w.v[at].d));
#endif
  const uvec4 whole = kWideWeights ? r.planes.v[p] : uvec4(0);
#endif
  [[unroll]] for (uint i = 0; i < 4; ++i) {
#if defined(WEIGHT_IQ4_XS)
    const uint word = w.v[at].qs[4 * b + i];
#elif defined(WEIGHT_MXFP4)
    const uint word = kWideWeights ? whole[i]
                                   : uint(w.v[at].qs[4 * i]) | uint(w.v[at].qs[4 * i + 1]) << 8 |
                                         uint(w.v[at].qs[4 * i + 2]) << 16 | uint(w.v[at].qs[4 * i + 3]) << 24;
#else
    const uint word = kWideWeights ? whole[i] : word_of(w.v[at].qs[2 * i], w.v[at].qs[2 * i + 1]);
#endif
    q[i] = scale * codes_of(word);
    q[i + 4] = scale * codes_of(word >> 4);
  }
#endif
}
