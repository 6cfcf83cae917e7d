#include "ops/case_operands.h"
#include "ops/linear/linear.h"

namespace gannet {
namespace {

// Rounding activations to 8 bits, see the cases of matmul.
constexpr double kRounded = 1e-4;

enum class Rounding { kInside, kGiven };
enum class Residual { kNo, kYes };

struct Weight {
  DType type;
  int64_t n_out;
};

OpCase make(const char* name, int64_t n_tokens, int64_t n_in, std::initializer_list<Weight> weights,
            Rounding rounding, Residual residual, bool bench = false) {
  OpCase c;
  c.op = &kOp_linear;
  c.name = name;
  int64_t n_out = 0;
  for (const Weight& w : weights) {
    n_out += w.n_out;
    if (dtype_info(w.type).quantized) c.nmse = kRounded;
  }
  const Shape x(n_tokens, n_in);
  c.operands = {normal(x), rounding == Rounding::kGiven ? rounded(x, 0) : absent(),
                residual == Residual::kYes ? normal(Shape(n_tokens, n_out), 0.3) : absent()};
  for (const Weight& w : weights)
    c.operands.push_back({{w.type, Shape(w.n_out, n_in)}, {.kind = Fill::Kind::kNormal, .scale = 0.02}});
  c.bench = bench;
  return c;
}

}  // namespace

std::vector<OpCase> cases_linear() {
  using D = DType;
  constexpr auto kInside = Rounding::kInside, kGiven = Rounding::kGiven;
  constexpr auto kNo = Residual::kNo, kYes = Residual::kYes;
  const std::initializer_list<Weight> mixed = {{D::kQ4_K, 37}, {D::kQ6_K, 70}, {D::kF32, 5}, {D::kBF16, 3}};
  const std::initializer_list<Weight> small = {{D::kQ8_0, 19}, {D::kQ4_0, 1}};
  return {
      make("t1_one_q4k", 1, 512, {{D::kQ4_K, 37}}, kInside, kNo),
      make("t1_one_q4k_residual", 1, 512, {{D::kQ4_K, 37}}, kInside, kYes),
      make("t1_one_q6k_given_residual", 1, 512, {{D::kQ6_K, 300}}, kGiven, kYes),
      make("t1_mixed", 1, 512, mixed, kInside, kNo),
      make("t1_mixed_given", 1, 512, mixed, kGiven, kNo),
      make("t2_mixed_given_residual", 2, 512, mixed, kGiven, kYes),
      make("t3_mixed_residual", 3, 512, mixed, kInside, kYes),
      make("t5_mixed_given", 5, 512, mixed, kGiven, kNo),
      make("t21_mixed_residual", 21, 512, mixed, kInside, kYes),
      make("t100_mixed_given_residual", 100, 512, mixed, kGiven, kYes),
      make("t70_wide", 70, 32, {{D::kQ4_0, 8300}}, kInside, kYes),  // more outputs than a panel of halves has
      make("t1_small_given", 1, 96, small, kGiven, kNo),
      make("t13_small_residual", 13, 352, small, kInside, kYes),
      make("t1_floats_n77", 1, 77, {{D::kF16, 3}, {D::kF32, 2}}, kInside, kYes),
      make("t11_floats_n77", 11, 77, {{D::kF16, 3}, {D::kF32, 2}}, kInside, kNo),
      make("t1_grid", 1, 512, {{D::kIQ3_S, 70}, {D::kMXFP4, 33}}, kGiven, kYes),
      // The input projections of a Gated DeltaNet layer, and an output projection.
      make("t1_delta_in", 1, 2048, {{D::kQ4_K, 8192}, {D::kQ4_K, 4096}, {D::kF32, 32}, {D::kF32, 32}}, kGiven,
           kNo, true),
      make("t1_out_residual", 1, 4096, {{D::kQ4_K, 2048}}, kInside, kYes, true),
      make("t4_delta_in", 4, 2048, {{D::kQ4_K, 8192}, {D::kQ4_K, 4096}, {D::kF32, 32}, {D::kF32, 32}}, kGiven,
           kNo, true),
      make("t128_out_residual", 128, 4096, {{D::kQ4_K, 2048}}, kInside, kYes, true),
  };
}

}  // namespace gannet
