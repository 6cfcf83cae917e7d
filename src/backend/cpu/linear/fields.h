// Fields of nibbles, for the decoders: of one row in the order of activations, for unit(), and of kLanes rows
// at once, for panel(). In the layout of a panel, [element / 4][row]
// [element % 4], elements e .. e + 3 of all rows (e a multiple of 4) are one vector, at e * kLanes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/dot.h"
#include "backend/cpu/linear/unroll.h"

namespace gannet::GANNET_ISA_NS {

#if defined(__AVX2__)

// 16-byte fields `stride` bytes apart whose low nibbles are one group and high ones the next.
GANNET_INLINE void nibble_unit(const uint8_t* fields, int64_t stride, Bytes (&out)[kPieces][4]) {
  GANNET_UNROLL
  for (int piece = 0; piece < kPieces; ++piece) {
    const uint8_t* at = fields + piece * (kStep / 8) * stride;
    const Bytes even = load_chunks(at, 2 * stride), odd = load_chunks(at + stride, 2 * stride);
    out[piece][0] = alternate_nibbles(twice_word<0>(even, odd));
    out[piece][1] = alternate_nibbles(twice_word<1>(even, odd));
    out[piece][2] = alternate_nibbles(twice_word<2>(even, odd));
    out[piece][3] = alternate_nibbles(twice_word<3>(even, odd));
  }
}

// 128 bytes in pairs of 16-byte fields: their low nibbles are two groups, their high ones the next two.
GANNET_INLINE void nibble_pair_unit(const uint8_t* fields, Bytes (&out)[kPieces][4]) {
  GANNET_UNROLL
  for (int piece = 0; piece < kPieces; ++piece) {
    Bytes even, odd;
    load_alternate(fields + piece * 2 * kStep, even, odd);
    const Bytes a = low_words(even, odd), b = high_words(even, odd), low = splat_byte(15);
    out[piece][0] = low_pairs(and_bytes(a, low), high_nibbles(a));
    out[piece][1] = high_pairs(and_bytes(a, low), high_nibbles(a));
    out[piece][2] = low_pairs(and_bytes(b, low), high_nibbles(b));
    out[piece][3] = high_pairs(and_bytes(b, low), high_nibbles(b));
  }
}

// The 16-byte field at `field` in each row: its low nibbles are 16 elements that go to `low`, its high ones
// to `high`. map(codes, w, high) turns the nibbles of word w into codes.
template <class F>
GANNET_INLINE void nibble_field(const uint8_t* field, int64_t row_bytes, uint8_t* low, uint8_t* high, F map) {
  PanelBytes words[4];
  transpose_fields(field, row_bytes, words);
  for (int w = 0; w < 4; ++w) {
    store_bytes(low + 4 * w * kLanes, map(and_bytes(words[w], splat_byte(15)), w, 0));
    store_bytes(high + 4 * w * kLanes, map(and_bytes(shift_right(words[w], 4), splat_byte(15)), w, 1));
  }
}

// A unit of 8 blocks of 32 with 16 bytes of nibbles each.
template <class Block, class F>
GANNET_INLINE void nibble_blocks(const uint8_t* unit, int64_t row_bytes, uint8_t* out, F map) {
  for (int b = 0; b < 8; ++b)
    nibble_field(
        unit + b * static_cast<int>(sizeof(Block)) + offsetof(Block, qs), row_bytes, out + 32 * b * kLanes,
        out + (32 * b + 16) * kLanes, [&](Bytes codes, int, int) __attribute__((always_inline)) {
          return map(codes);
        });
}

#endif

}  // namespace gannet::GANNET_ISA_NS
