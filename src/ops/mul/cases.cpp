#include "ops/case_operands.h"
#include "ops/mul/mul.h"

namespace gannet {

// One rounding in every kernel: bitwise equal to the reference.
std::vector<OpCase> cases_mul() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, const Shape& a, const Shape& b, HeadShare heads = HeadShare::kSame,
                        bool bench = false) {
    cases.push_back({&kOp_mul, name, {normal(a), normal(b)}, pack_attrs(MulAttrs{heads}), 0, bench});
  };
  make("t1_n1", Shape(1, 1), Shape(1, 1));
  make("t1_n2048", Shape(1, 2048), Shape(1, 2048));
  make("t3_h5_n37", Shape(3, 5, 37), Shape(3, 5, 37));
  make("t9_n77_column", Shape(9, 77), Shape(9, 1));
  make("column_t9_n77", Shape(9, 1), Shape(9, 77));
  make("t3_h5_n32_column", Shape(3, 5, 32), Shape(3, 5, 1));
  make("t9_n77_row", Shape(9, 77), Shape(1, 77));
  make("outer_t33_n70", Shape(33, 1), Shape(1, 70));
  make("h2_c3_t17_n64_both", Shape(2, 1, 17, 64), Shape(1, 3, 17, 1));
  make("h6_tiled_2", Shape(6, 3, 5, 37), Shape(2, 3, 5, 37), HeadShare::kTiled);
  make("h6_grouped_2", Shape(6, 3, 5, 37), Shape(2, 3, 5, 37), HeadShare::kGrouped);
  make("h2_tiled_of_6_columns", Shape(2, 7, 33), Shape(6, 7, 1), HeadShare::kTiled);
  make("h2_grouped_of_6_columns", Shape(2, 7, 33), Shape(6, 7, 1), HeadShare::kGrouped);
  make("h1_of_5", Shape(1, 19), Shape(5, 19), HeadShare::kGrouped);
  make("h4_same_number", Shape(4, 3, 16), Shape(4, 1, 16), HeadShare::kTiled);
  make("n12_tiled_4", Shape(12), Shape(4), HeadShare::kTiled);
  make("n12_grouped_4", Shape(12), Shape(4), HeadShare::kGrouped);
  make("t512_n2048", Shape(512, 2048), Shape(512, 2048), HeadShare::kSame, true);
  make("h32_t512_n128_column", Shape(32, 512, 128), Shape(32, 512, 1), HeadShare::kSame, true);
  make("h32_grouped_16", Shape(16, 8, 64, 64), Shape(32, 8, 64, 64), HeadShare::kGrouped, true);
  return cases;
}

}  // namespace gannet
