#include <fmt/core.h>

#include "ops/case.h"
#include "ops/expert_matmul/expert_matmul.h"

namespace gannet {
namespace {

constexpr double kRounded = 1e-4;  // see matmul/cases.cpp

OpCase make(DType type, int64_t n_tokens, int64_t k, bool per_choice, int64_t n_experts, int64_t n_out,
            int64_t n_in, bool bench = false, bool distinct = true) {
  OpCase c;
  c.op = &kOp_expert_matmul;
  c.name = fmt::format("{}_t{}_k{}{}_e{}_{}x{}", dtype_info(type).name, n_tokens, k,
                       per_choice ? "_per_choice" : "", n_experts, n_out, n_in);
  c.operands = {{{DType::kF32, per_choice ? Shape(n_tokens, k, n_in) : Shape(n_tokens, n_in)}, {}, true},
                {{type, Shape(n_experts, n_out, n_in)}, {.kind = Fill::Kind::kNormal, .scale = 0.02}},
                {{DType::kI32, Shape(n_tokens, k)},
                 {.kind = distinct ? Fill::Kind::kDistinct : Fill::Kind::kIndices,
                  .high = static_cast<double>(n_experts)},
                 true}};
  if (dtype_info(type).quantized) c.nmse = kRounded;
  c.bench = bench;
  return c;
}

}  // namespace

std::vector<OpCase> cases_expert_matmul() {
  std::vector<OpCase> all;
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto type = static_cast<DType>(i);
    const bool plain = type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
    if (!plain && !dtype_info(type).quantized) continue;
    all.push_back(make(type, 1, 3, false, 7, 37, 512));
    all.push_back(make(type, 9, 2, true, 3, 21, 256));
    if (plain) all.push_back(make(type, 4, 2, true, 3, 5, 77));
  }
  all.push_back(make(DType::kQ4_0, 40, 2, false, 6, 100, 96));
  all.push_back(make(DType::kQ4_0, 50, 1, false, 2, 18, 64));
  all.push_back(make(DType::kF32, 1, 1, false, 1, 1, 1));
  // A token may choose an expert twice.
  all.push_back(make(DType::kQ8_0, 30, 4, true, 2, 70, 320, false, false));
  // More tokens than are always exact.
  all.push_back(make(DType::kQ4_K, 70, 3, false, 7, 37, 256));
  all.push_back(make(DType::kIQ3_S, 90, 2, true, 3, 33, 256));
  all.push_back(make(DType::kQ4_0, 100, 2, true, 2, 70, 96));  // many tokens of each expert
  for (int64_t n_tokens : {1, 64}) {
    all.push_back(make(DType::kQ4_K, n_tokens, 8, false, 64, 512, 2048, true));
    all.push_back(make(DType::kQ4_0, n_tokens, 8, true, 64, 2048, 512, true));
  }
  return all;
}

}  // namespace gannet
