// What the codec tests share: the list of block types with the places of their scale fields (written down
// here a second time, independently of blocks.h), pseudo-random blocks and rows, SHA-256, and the reader of
// tests/data/block_goldens.txt.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"

namespace gannet::codec_test {

struct BlockFacts {
  DType type;
  std::vector<int> half_fields;  // byte offsets of the half-float scales
};
// Every block type.
const std::vector<BlockFacts>& block_types();
const BlockFacts& facts_of(DType type);

// Name of a parameterised test.
std::string type_name(DType type);

// Knuth's linear congruential generator, upper half of the state.
class Lcg {
 public:
  explicit Lcg(uint64_t seed) : state_(seed) {}
  uint32_t next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(state_ >> 32);
  }

 private:
  uint64_t state_;
};

std::vector<uint8_t> random_bytes(uint64_t seed, size_t n);

// Random blocks whose scales are numbers: halves below 2, MXFP4 exponents at most 252.
std::vector<uint8_t> random_sound_blocks(DType type, uint64_t seed, int64_t blocks);

struct WeighedRow {
  std::vector<float> x, w;  // 256 each
};
// The rows of the "encode" lines of the goldens.
std::vector<WeighedRow> encoder_rows();
// The row of the "golden" lines.
WeighedRow golden_row();

std::string sha256_hex(const void* data, size_t n);
std::string sha256_hex(const std::vector<float>& values);

// Lines of the golden file that start with `kind`, split at spaces, without the kind. Fails the test if the
// file cannot be read or holds no such line.
std::vector<std::vector<std::string>> golden_lines(std::string_view kind);

std::vector<uint8_t> from_hex(std::string_view hex);

}  // namespace gannet::codec_test
