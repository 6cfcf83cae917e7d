#include "text/byte_alphabet.h"

#include "text/utf8.h"

namespace gannet {
namespace {

struct Tables {
  std::array<uint16_t, 256> to_code_point{};
  std::array<int16_t, kByteAlphabetEnd> to_byte{};
};

constexpr Tables make_tables() {
  Tables t;
  for (auto& entry : t.to_byte) entry = -1;
  uint16_t next = 0x100;
  for (int b = 0; b < 256; ++b) {
    const bool itself = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
    const uint16_t c = itself ? static_cast<uint16_t>(b) : next++;
    t.to_code_point[b] = c;
    t.to_byte[c] = static_cast<int16_t>(b);
  }
  return t;
}

constexpr Tables kTables = make_tables();

}  // namespace

char32_t byte_to_code_point(uint8_t byte) {
  return kTables.to_code_point[byte];
}

std::optional<uint8_t> code_point_to_byte(char32_t c) {
  if (c >= kByteAlphabetEnd || kTables.to_byte[c] < 0) return std::nullopt;
  return static_cast<uint8_t>(kTables.to_byte[c]);
}

bool append_unmapped(std::string_view text, std::string* out) {
  const size_t before = out->size();
  while (!text.empty()) {
    // All of the alphabet lies below U+0800: one or two bytes.
    const Utf8Step step = utf8_step(text);
    const auto byte = step.kind == Utf8Kind::kValid && step.length <= 2
                          ? code_point_to_byte(decode_utf8(text, step.length))
                          : std::nullopt;
    if (!byte) {
      out->resize(before);
      return false;
    }
    out->push_back(static_cast<char>(*byte));
    text.remove_prefix(step.length);
  }
  return true;
}

std::string map_bytes(std::string_view bytes) {
  std::string out;
  for (const char b : bytes) append_utf8(byte_to_code_point(static_cast<uint8_t>(b)), &out);
  return out;
}

}  // namespace gannet
