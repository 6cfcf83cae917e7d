// Rows of the scalar types, and the walk over the blocks of a row for all others.
#include "tensor/codec.h"

#include <cstring>
#include <type_traits>

#include "base/check.h"
#include "tensor/block_codec.h"

namespace gannet {
namespace {

// Rows may start at any byte (general.alignment can be 1), so scalars go through memcpy.
template <class Raw, class Widen>
void widen_row(const void* row, float* out, int64_t n, Widen widen) {
  const auto* bytes = static_cast<const unsigned char*>(row);
  for (int64_t i = 0; i < n; ++i) {
    Raw raw;
    std::memcpy(&raw, bytes + i * static_cast<int64_t>(sizeof(Raw)), sizeof(Raw));
    out[i] = widen(raw);
  }
}

template <class Narrow>
void narrow_row(const float* values, void* row, int64_t n, Narrow narrow) {
  auto* bytes = static_cast<unsigned char*>(row);
  for (int64_t i = 0; i < n; ++i) {
    const uint16_t raw = narrow(values[i]);
    std::memcpy(bytes + 2 * i, &raw, 2);
  }
}

// Which call writes a block type; the grid types have none.
template <class Block>
concept WeighedBlock = requires(const float* x, Block* row) {
  block_codec::encode(x, int64_t{}, row, x);
};
template <class Block>
concept PlainBlock = requires(const float* x, Block* row) {
  block_codec::encode(x, int64_t{}, row);
};

}  // namespace

void dequantize_row(DType type, const void* row, float* out, int64_t n) {
  GANNET_CHECK(n % dtype_info(type).block_elems == 0, "dequantize_row: a row is whole blocks");
  switch (type) {
    case DType::kF32:
      std::memcpy(out, row, static_cast<size_t>(n) * sizeof(float));
      return;
    case DType::kF16:
      widen_row<uint16_t>(row, out, n, [](uint16_t h) { return f16_to_f32(h); });
      return;
    case DType::kBF16:
      widen_row<uint16_t>(row, out, n, [](uint16_t h) { return bf16_to_f32(h); });
      return;
    case DType::kF64:
      widen_row<double>(row, out, n, [](double v) { return static_cast<float>(v); });
      return;
    default:
      break;
  }
  const bool known = block_codec::with_block(type, [&]<class Block>() {
    const auto* blocks = static_cast<const Block*>(row);
    constexpr int kElems = block_codec::kElems<Block>;
    for (int64_t b = 0; b < n / kElems; ++b) block_codec::decode(blocks[b], out + b * kElems);
  });
  GANNET_CHECK(known, "dequantize_row: an integer or opaque type has no float meaning");
}

bool can_quantize(DType type) {
  if (type == DType::kF32 || type == DType::kF16 || type == DType::kBF16) return true;
  bool can = false;
  block_codec::with_block(type, [&]<class Block>() { can = WeighedBlock<Block> || PlainBlock<Block>; });
  return can;
}

void quantize_row(DType type, const float* values, void* row, int64_t n, const float* importance) {
  GANNET_CHECK(can_quantize(type), "quantize_row: ask can_quantize() first");
  GANNET_CHECK(n % dtype_info(type).block_elems == 0, "quantize_row: a row is whole blocks");
  switch (type) {
    case DType::kF32:
      std::memcpy(row, values, static_cast<size_t>(n) * sizeof(float));
      return;
    case DType::kF16:
      narrow_row(values, row, n, [](float v) { return f32_to_f16(v); });
      return;
    case DType::kBF16:
      narrow_row(values, row, n, [](float v) { return f32_to_bf16(v); });
      return;
    default:
      break;
  }
  block_codec::with_block(type, [&]<class Block>() {
    auto* blocks = static_cast<Block*>(row);
    if constexpr (WeighedBlock<Block>) block_codec::encode(values, n, blocks, importance);
    if constexpr (PlainBlock<Block>) block_codec::encode(values, n, blocks);
  });
}

}  // namespace gannet
