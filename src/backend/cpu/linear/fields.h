// Nibbles of kLanes rows at once, for panel() of the decoders. In the layout of a panel, [element / 4][row]
// [element % 4], elements e .. e + 3 of all rows (e a multiple of 4) are one vector, at e * kLanes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/dot.h"

namespace gannet::GANNET_ISA_NS {

#if defined(__AVX2__)

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
