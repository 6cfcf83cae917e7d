#include "model/random_weights.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string_view>

#include <fmt/core.h>

#include "base/check.h"
#include "base/philox.h"
#include "tensor/codec.h"

namespace gannet {
namespace {

constexpr int64_t kPoolUnits = 4096;  // a power of two
constexpr int64_t kFloatUnit = 32;    // elements drawn at once for types without blocks
constexpr int64_t kPicksPerDraw = 8;  // of 16 bits

// Key of the random stream of one thing (FNV-1a of its name, mixed with the seed).
uint64_t stream_key(uint64_t seed, std::string_view name) {
  uint64_t h = 0xCBF29CE484222325;
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  const auto words = philox4x32(seed, 0, h);
  return uint64_t{words[0]} << 32 | words[1];
}

// Standard normal number i of a stream (Box and Muller, "A note on the generation of random normal deviates",
// 1958).
double normal(uint64_t key, uint64_t hi, uint64_t i) {
  const auto words = philox4x32(key, hi, i / 2);
  const size_t pair = i % 2 * 2;
  const double u = philox_uniform(words[pair]), v = philox_uniform(words[pair + 1]);
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * 3.14159265358979323846 * v);
}

double uniform(uint64_t key, uint64_t i) {
  return philox_uniform(philox4x32(key, 0, i)[0]);
}

// x with log(1 + exp(x)) = y.
double inverse_softplus(double y) {
  return std::log(std::expm1(y));
}

}  // namespace

void RandomWeights::fill_vector(const TensorSpec& spec, int64_t first, std::span<float> out) const {
  const uint64_t key = stream_key(seed_, spec.name);
  const auto each = [&](auto&& value) {
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<float>(value(static_cast<uint64_t>(first) + i));
  };
  if (spec.name.ends_with("ssm_a")) {  // decay rates -1 to -16
    each([&](uint64_t i) { return -std::exp(std::log(16.0) * uniform(key, i)); });
  } else if (spec.name.ends_with("ssm_dt.bias")) {  // time steps 0.001 to 0.1, before the softplus
    each([&](uint64_t i) {
      return inverse_softplus(std::exp(std::log(0.001) + std::log(100.0) * uniform(key, i)));
    });
  } else if (spec.name.ends_with("norm.weight")) {
    each([&](uint64_t i) { return 1.0 + 0.05 * normal(key, 0, i); });
  } else {  // taps of the convolution, gates that are one row
    const double deviation = 1.0 / std::sqrt(static_cast<double>(spec.shape.last()));
    each([&](uint64_t i) { return deviation * normal(key, 0, i); });
  }
}

// Makes the pool at least n_units long. Unit u depends on (seed, type, n_in, u) only, so a pool that grew is
// the pool that was made long at once.
const RandomWeights::Pool& RandomWeights::pool(DType type, int64_t n_in, int64_t n_units) {
  Pool& p = pools_[{type, n_in}];
  const DTypeInfo& info = dtype_info(type);
  p.unit_elems = info.quantized ? info.block_elems : kFloatUnit;
  p.unit_bytes = row_bytes(type, p.unit_elems);
  const int64_t have = p.count();
  if (have >= n_units) return p;
  GANNET_CHECK(can_quantize(type), "a type of a mix has an encoder");
  p.units.resize(static_cast<size_t>(n_units * p.unit_bytes));
  const uint64_t key = stream_key(seed_, fmt::format("pool {} {}", info.name, n_in));
  const double deviation = 1.0 / std::sqrt(static_cast<double>(n_in));
  team_.run([&](Worker& worker) {
    std::vector<float> values(static_cast<size_t>(p.unit_elems));
    int64_t begin, end;
    while (worker.claim(n_units - have, 64, begin, end)) {
      for (int64_t u = have + begin; u < have + end; ++u) {
        for (size_t i = 0; i < values.size(); ++i)
          values[i] = static_cast<float>(deviation * normal(key, static_cast<uint64_t>(u), i));
        quantize_row(type, values.data(), p.units.data() + u * p.unit_bytes, p.unit_elems);
      }
    }
  });
  return p;
}

void RandomWeights::fill(const TensorSpec& spec, DType type, int64_t first_row, std::span<std::byte> out) {
  const int64_t n_in = spec.shape.last();
  if (spec.role == TensorRole::kVector) {
    GANNET_CHECK(type == DType::kF32, "vectors are stored as F32");
    return fill_vector(spec, first_row * n_in,
                       {reinterpret_cast<float*>(out.data()), out.size() / sizeof(float)});
  }
  const int64_t bytes = row_bytes(type, n_in);
  const int64_t n_rows = static_cast<int64_t>(out.size()) / bytes;
  const DTypeInfo& info = dtype_info(type);
  const int64_t unit_elems = info.quantized ? info.block_elems : kFloatUnit;
  const int64_t units_per_row = (n_in + unit_elems - 1) / unit_elems;
  // A small tensor needs no more blocks than it has.
  const auto units = static_cast<uint64_t>(units_per_row * spec.shape.rows());
  const auto n_units = static_cast<int64_t>(std::bit_ceil(std::min(units, uint64_t{kPoolUnits})));
  const Pool& p = pool(type, n_in, n_units);
  const uint64_t mask = static_cast<uint64_t>(n_units) - 1;
  const uint64_t key = stream_key(seed_, spec.name);

  team_.run([&](Worker& worker) {
    const int64_t grain = std::max<int64_t>(1, (256 << 10) / bytes);
    int64_t begin, end;
    while (worker.claim(n_rows, grain, begin, end)) {
      for (int64_t row = begin; row < end; ++row) {
        std::byte* at = out.data() + row * bytes;
        std::byte* const row_end = at + bytes;
        for (int64_t unit = 0; unit < units_per_row; unit += kPicksPerDraw) {
          const auto words = philox4x32(key, static_cast<uint64_t>(first_row + row),
                                        static_cast<uint64_t>(unit / kPicksPerDraw));
          for (int64_t i = 0; i < kPicksPerDraw && at < row_end; ++i) {
            const uint64_t pick = words[static_cast<size_t>(i / 2)] >> (i % 2 * 16) & 0xFFFF & mask;
            const auto n = static_cast<size_t>(std::min(p.unit_bytes, row_end - at));
            std::memcpy(at, p.units.data() + static_cast<int64_t>(pick) * p.unit_bytes, n);
            at += n;
          }
        }
      }
    }
  });
}

}  // namespace gannet
