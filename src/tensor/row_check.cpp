// find_bad_block(): which bytes of a row are not numbers. Codes and grid indices fill their bit fields, so
// every value of them is defined; what can be wrong is a scale, or an element of a floating-point type.
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "tensor/block_codec.h"
#include "tensor/codec.h"

namespace gannet {
namespace {

bool finite_half(uint16_t h) {
  return (h & 0x7C00) != 0x7C00;
}

template <class Block>
bool sound(const Block& block) {
  bool good = finite_half(block.d);
  if constexpr (requires { block.m; }) good = good && finite_half(block.m);
  if constexpr (requires { block.dmin; }) good = good && finite_half(block.dmin);
  return good;
}

bool sound(const BlockIQ1_M& block) {
  return finite_half(iq1m_d(block));
}

// Besides 255, which is no number, 253 and 254 are refused: the largest code overflows f32 with them.
bool sound(const BlockMXFP4& block) {
  return block.e <= 252;
}

bool sound(const BlockNVFP4& block) {
  for (const uint8_t d : block.d)
    if (d & 0x80) return false;
  return true;
}

template <class Raw, class Finite>
int64_t find_bad_element(const void* row, int64_t n, Finite finite) {
  const auto* bytes = static_cast<const unsigned char*>(row);
  for (int64_t i = 0; i < n; ++i) {
    Raw raw;
    std::memcpy(&raw, bytes + i * static_cast<int64_t>(sizeof(Raw)), sizeof(Raw));
    if (!finite(raw)) return i;
  }
  return -1;
}

}  // namespace

int64_t find_bad_block(DType type, const void* row, int64_t n) {
  GANNET_CHECK(n % dtype_info(type).block_elems == 0, "find_bad_block: a row is whole blocks");
  switch (type) {
    case DType::kF32:
      return find_bad_element<uint32_t>(row, n, [](uint32_t v) { return (v & 0x7F800000) != 0x7F800000; });
    case DType::kF16:
      return find_bad_element<uint16_t>(row, n, finite_half);
    case DType::kBF16:
      return find_bad_element<uint16_t>(row, n, [](uint16_t v) { return (v & 0x7F80) != 0x7F80; });
    case DType::kF64:  // elements are used as f32
      return find_bad_element<double>(row, n, [](double v) { return std::isfinite(static_cast<float>(v)); });
    default:
      break;
  }
  int64_t bad = -1;
  block_codec::with_block(type, [&]<class Block>() {
    const auto* blocks = static_cast<const Block*>(row);
    const int64_t count = n / block_codec::kElems<Block>;
    for (int64_t b = 0; b < count && bad < 0; ++b)
      if (!sound(blocks[b])) bad = b;
  });
  return bad;
}

}  // namespace gannet
