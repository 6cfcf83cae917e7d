// Weights that are stored as numbers. Rows may end anywhere. Runs of neighbouring pieces are neighbours, so that
// invocations beside each other read memory side by side: a unit of 32 pieces is 4 times 256 elements.
#define WEIGHTS_PLAIN

#ifdef WEIGHT_F32
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Weights { float v[]; };
float weight_at(Weights w, uint i) { return w.v[i]; }
#else
layout(buffer_reference, scalar, buffer_reference_align = 2) buffer Weights { uint16_t v[]; };
#ifdef WEIGHT_F16
float weight_at(Weights w, uint i) { return half_of(w.v[i]); }
#else
float weight_at(Weights w, uint i) { return uintBitsToFloat(uint(w.v[i]) << 16); }
#endif
#endif

void weights_begin() {}
uint pieces_of(uint n) { return (n + 1023) / 1024 * 32; }
uint run_start(uint p, uint run) { return p / 32 * 1024 + run * 256 + p % 32 * 8; }
bool in_row(uint element, uint n) { return element < n; }

// Eight weights from a multiple of eight on.
void weight_run(Weights w, uint at, out vec4 low, out vec4 high) {
#ifdef WEIGHT_F32
  low = F32x4(w).v[at / 4];
  high = F32x4(w).v[at / 4 + 1];
#else
  const uvec4 pairs = U32x4(w).v[at / 8];
#ifdef WEIGHT_F16
  low = vec4(unpackHalf2x16(pairs.x), unpackHalf2x16(pairs.y));
  high = vec4(unpackHalf2x16(pairs.z), unpackHalf2x16(pairs.w));
#else
  low = uintBitsToFloat(uvec4(pairs.x << 16, pairs.x & 0xFFFF0000u, pairs.y << 16, pairs.y & 0xFFFF0000u));
  high = uintBitsToFloat(uvec4(pairs.z << 16, pairs.z & 0xFFFF0000u, pairs.w << 16, pairs.w & 0xFFFF0000u));
#endif
#endif
}

void weight_piece(Weights w, uint row, uint p, uint n, precise out vec4 q[8]) {
  [[unroll]] for (uint run = 0; run < 4; ++run) {
    const uint start = run_start(p, run), at = row * n + start;
    if (kWideWeights) {
      q[2 * run] = q[2 * run + 1] = vec4(0);
      if (in_row(start, n)) weight_run(w, at, q[2 * run], q[2 * run + 1]);
      continue;
    }
    [[unroll]] for (uint i = 0; i < 8; ++i)
      q[2 * run + i / 4][i % 4] = in_row(start + i, n) ? weight_at(w, at + i) : 0.0;
  }
}
