#include "ops/case_operands.h"
#include "ops/cast/cast.h"

namespace gannet {

// Widening is exact.
std::vector<OpCase> cases_cast() {
  std::vector<OpCase> cases;

  const auto make = [&](const char* name, DType type, const Shape& x, bool bench = false) {
    cases.push_back({&kOp_cast, name, {{{type, x}, {}}}, {}, 0, bench});
  };
  make("f32_n1", DType::kF32, Shape(1));
  make("f16_n1", DType::kF16, Shape(1));
  make("bf16_n1", DType::kBF16, Shape(1));
  make("f32_t7_n333", DType::kF32, Shape(7, 333));
  make("f16_t7_n333", DType::kF16, Shape(7, 333));
  make("bf16_t7_n333", DType::kBF16, Shape(7, 333));
  make("f16_h3_t5_n4099", DType::kF16, Shape(3, 5, 4099));
  make("bf16_t2048_n512", DType::kBF16, Shape(2048, 512), true);
  return cases;
}

}  // namespace gannet
