#include <fmt/core.h>

#include "ops/case.h"
#include "ops/matmul/matmul.h"

namespace gannet {
namespace {

// Rounding activations to 8 bits per 32: an error of about 0.005 per value of N(0, 1), so 2.5e-5 of the
// square, up to twice that where a large value stretches its block.
constexpr double kRounded = 1e-4;

OpCase make(DType type, int64_t n_tokens, int64_t n_in, int64_t n_out, bool bench = false) {
  OpCase c;
  c.op = &kOp_matmul;
  c.name = fmt::format("{}_t{}_{}x{}", dtype_info(type).name, n_tokens, n_out, n_in);
  c.operands = {{{DType::kF32, Shape(n_tokens, n_in)}, {}},
                {{type, Shape(n_out, n_in)}, {.kind = Fill::Kind::kNormal, .scale = 0.02}}};
  if (dtype_info(type).quantized) c.nmse = kRounded;
  c.bench = bench;
  return c;
}

}  // namespace

std::vector<OpCase> cases_matmul() {
  std::vector<OpCase> all;
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto type = static_cast<DType>(i);
    const bool plain = type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
    if (!plain && !dtype_info(type).quantized) continue;
    for (int64_t n_tokens : {1, 3, 21}) all.push_back(make(type, n_tokens, 512, 37));
    if (dtype_info(type).block_elems <= 32) {
      all.push_back(make(type, 1, 96, 37));  // less than one unit of 256
      all.push_back(make(type, 13, 352, 18));
    }
    if (plain)
      for (int64_t n_tokens : {1, 4, 11}) all.push_back(make(type, n_tokens, 77, 3));
  }
  // More rows than are always exact, of all types that have kernels for many rows.
  for (DType type : {DType::kF32, DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1, DType::kQ8_0,
                     DType::kQ2_K, DType::kQ3_K, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K, DType::kIQ2_S,
                     DType::kIQ4_NL, DType::kIQ4_XS, DType::kMXFP4, DType::kNVFP4})
    all.push_back(make(type, 70, 512, 37));
  all.push_back(make(DType::kQ4_0, 1030, 96, 1000));  // large tiles, which end within all three sizes
  for (DType type : {DType::kF32, DType::kF16, DType::kQ4_0, DType::kQ8_0, DType::kQ4_K, DType::kQ5_K,
                     DType::kQ6_K, DType::kQ3_K, DType::kIQ4_XS, DType::kMXFP4, DType::kQ2_K}) {
    for (int64_t n_tokens : {1, 4, 128}) all.push_back(make(type, n_tokens, 2048, 1024, true));
  }
  return all;
}

}  // namespace gannet
