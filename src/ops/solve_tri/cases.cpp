#include "ops/case_operands.h"
#include "ops/solve_tri/solve_tri.h"

namespace gannet {

// L is kept well conditioned (small values below a diagonal of ones, or a uniform one), so F32 substitution
// stays within a few roundings of the double one.
std::vector<OpCase> cases_solve_tri() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, const Shape& l, int64_t m, SolveDiagonal diagonal,
                        bool bench = false) {
    Shape b = l;
    b.dim[b.rank - 1] = m;
    // Uniform positive values serve as the stored diagonal; below it they are just as small.
    const double n = static_cast<double>(l.last());
    const bool one = diagonal == SolveDiagonal::kOne;
    cases.push_back({&kOp_solve_tri,
                     name,
                     {one ? normal(l, 0.5 / n) : uniform(l, 0.5 / n, 1 / n), m == 0 ? absent() : normal(b)},
                     pack_attrs(SolveTriAttrs{diagonal}),
                     1e-11,
                     bench});
  };
  constexpr SolveDiagonal kGiven = SolveDiagonal::kGiven, kOne = SolveDiagonal::kOne;
  // One right side for all.
  cases.push_back({&kOp_solve_tri,
                   "b2x3_n20_m9_shared",
                   {normal(Shape(2, 3, 20, 20), 0.02), normal(Shape(1, 1, 20, 9))},
                   pack_attrs(SolveTriAttrs{kOne}),
                   1e-11,
                   false});
  make("n1_m1", Shape(1, 1), 1, kGiven);
  make("n5_m3", Shape(5, 5), 3, kGiven);
  make("n5_m3_one", Shape(5, 5), 3, kOne);
  make("b3_n7_identity", Shape(3, 7, 7), 0, kGiven);
  make("b3_n37_identity_one", Shape(3, 37, 37), 0, kOne);
  make("b2x3_n18_m70_one", Shape(2, 3, 18, 18), 70, kOne);
  make("b2x2_n64_m64_one", Shape(2, 2, 64, 64), 64, kOne);
  make("b5_n10_m133", Shape(5, 10, 10), 133, kGiven);
  make("b32x8_n64_m64_one", Shape(32, 8, 64, 64), 64, kOne, true);
  make("b32x8_n64_m128_one", Shape(32, 8, 64, 64), 128, kOne, true);
  return cases;
}

}  // namespace gannet
