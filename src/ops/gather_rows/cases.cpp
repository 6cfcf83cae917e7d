#include "ops/case_operands.h"
#include "ops/gather_rows/gather_rows.h"

namespace gannet {

// Copies: exact.
std::vector<OpCase> cases_gather_rows() {
  const auto index = [](int64_t m, double n_rows) {
    return CaseOperand{{DType::kI32, Shape(m)}, {.kind = Fill::Kind::kIndices, .high = n_rows}};
  };
  std::vector<OpCase> cases;
  cases.push_back({&kOp_gather_rows, "f32_m3of7_n40", {normal(Shape(7, 40)), index(3, 7)}, {}, 0});
  cases.push_back({&kOp_gather_rows, "f32_m9of2_n5", {normal(Shape(2, 5)), index(9, 2)}, {}, 0});
  cases.push_back({&kOp_gather_rows, "f32_m1of64_n2048", {normal(Shape(64, 2048)), index(1, 64)}, {}, 0});
  CaseOperand whole = index(1, 100);
  whole.type.shape = Shape(6, 8);
  cases.push_back({&kOp_gather_rows, "i32_m4of6_n8", {whole, index(4, 6)}, {}, 0});
  return cases;
}

}  // namespace gannet
