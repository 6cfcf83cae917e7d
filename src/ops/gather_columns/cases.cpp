#include "ops/case_operands.h"
#include "ops/gather_columns/gather_columns.h"

namespace gannet {

// A copy: bitwise equal.
std::vector<OpCase> cases_gather_columns() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, int64_t t, int64_t n, int64_t k, bool bench = false) {
    cases.push_back(
        {&kOp_gather_columns,
         name,
         {normal(Shape(t, n)),
          {{DType::kI32, Shape(t, k)}, {.kind = Fill::Kind::kIndices, .high = static_cast<double>(n)}, true}},
         {},
         0,
         bench});
  };
  make("t1_n1_k1", 1, 1, 1);
  make("t3_n37_k5", 3, 37, 5);
  make("t70_n60_k80", 70, 60, 80);
  make("t512_n256_k8", 512, 256, 8, true);
  return cases;
}

}  // namespace gannet
