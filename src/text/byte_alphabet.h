// The byte alphabet of byte-level BPE: every byte has one printable code point that stands for it in token
// texts and merges (0x20 is U+0120 "Ġ"). Bytes 0x21-0x7E, 0xA1-0xAC and 0xAE-0xFF stand for themselves, the
// other 68, ascending, are U+0100 to U+0143. Source of the mapping: the GPT-2 tokenizer's description.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gannet {

inline constexpr char32_t kByteAlphabetEnd = 0x144;  // every code point of the alphabet is below

// Code point that stands for a byte.
char32_t byte_to_code_point(uint8_t byte);

// Byte that a code point stands for; empty when the code point is not in the alphabet.
std::optional<uint8_t> code_point_to_byte(char32_t code_point);

// Appends to `out` the bytes that `text` stands for. False (and `out` as before) when `text` is not
// well-formed UTF-8 or has a code point outside the alphabet.
bool append_unmapped(std::string_view text, std::string* out);

// The alphabet text of arbitrary bytes.
std::string map_bytes(std::string_view bytes);

}  // namespace gannet
