#include "ops/bmm/bmm.h"
#include "ops/case_operands.h"

namespace gannet {

// F32 sums of up to 2000 products against double sums: each is off by about 1e-7 of the root of its squares.
std::vector<OpCase> cases_bmm() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, const Shape& a, const Shape& b, BmmSide side,
                        HeadShare heads = HeadShare::kSame, bool bench = false) {
    cases.push_back(
        {&kOp_bmm, name, {normal(a), normal(b)}, pack_attrs(BmmAttrs{side, heads}), 1e-12, bench});
  };
  constexpr BmmSide kRows = BmmSide::kRows, kColumns = BmmSide::kColumns;
  constexpr HeadShare kTiled = HeadShare::kTiled, kGrouped = HeadShare::kGrouped;
  make("rows_1x1x1", Shape(1, 1), Shape(1, 1), kRows);
  make("columns_1x1x1", Shape(1, 1), Shape(1, 1), kColumns);
  make("rows_m7_n5_k3", Shape(7, 3), Shape(5, 3), kRows);
  make("columns_m7_n5_k3", Shape(7, 3), Shape(3, 5), kColumns);
  make("rows_b3_m1_n70_k37", Shape(3, 1, 37), Shape(3, 70, 37), kRows);
  make("columns_b3_m1_n70_k37", Shape(3, 1, 37), Shape(3, 37, 70), kColumns);
  make("rows_b2_m13_n67_k300", Shape(2, 13, 300), Shape(2, 67, 300), kRows);
  make("columns_b2_m13_n67_k300", Shape(2, 13, 300), Shape(2, 300, 67), kColumns);
  make("rows_b2_m3_n9_k600", Shape(2, 3, 600), Shape(2, 9, 600), kRows);
  make("columns_b1_m50_n33_k530", Shape(1, 50, 530), Shape(1, 530, 33), kColumns);
  make("rows_b2x3_m9_n40_k16", Shape(2, 3, 9, 16), Shape(2, 3, 40, 16), kRows);
  make("columns_b2x3_m9_n40_k16", Shape(2, 3, 9, 16), Shape(2, 3, 16, 40), kColumns);
  make("rows_h6of2_grouped_m5_n19_k40", Shape(6, 5, 40), Shape(2, 19, 40), kRows, kGrouped);
  make("rows_h6of2_tiled_m5_n19_k40", Shape(6, 5, 40), Shape(2, 19, 40), kRows, kTiled);
  make("columns_h6of2_grouped_m5_n19_k40", Shape(6, 5, 40), Shape(2, 40, 19), kColumns, kGrouped);
  make("columns_h6of2_tiled_m1_n90_k40", Shape(6, 1, 40), Shape(2, 40, 90), kColumns, kTiled);
  make("rows_h2of6_tiled_m11_n19_k40", Shape(2, 11, 40), Shape(6, 19, 40), kRows, kTiled);
  make("columns_h2of6_grouped_x2_m4_n19_k40", Shape(2, 2, 4, 40), Shape(6, 2, 40, 19), kColumns, kGrouped);
  make("rows_h4of2_tiled_x2_m4_n19_k40", Shape(4, 2, 4, 40), Shape(2, 2, 19, 40), kRows, kTiled);
  make("rows_h4of4_grouped_m4_n64_k64", Shape(4, 4, 64), Shape(4, 64, 64), kRows, kGrouped);
  make("rows_b32_m64_n64_k128", Shape(32, 64, 128), Shape(32, 64, 128), kRows, HeadShare::kSame, true);
  make("columns_b32_m64_n128_k64", Shape(32, 64, 64), Shape(32, 64, 128), kColumns, HeadShare::kSame, true);
  make("rows_h16of2_m256_n1024_k256", Shape(16, 256, 256), Shape(2, 1024, 256), kRows, kGrouped, true);
  make("columns_h16of2_m256_n256_k1024", Shape(16, 256, 1024), Shape(2, 1024, 256), kColumns, kGrouped, true);
  make("rows_h16of2_m1_n2048_k256", Shape(16, 1, 256), Shape(2, 2048, 256), kRows, kGrouped, true);
  make("columns_h16of2_m1_n256_k2048", Shape(16, 1, 2048), Shape(2, 2048, 256), kColumns, kGrouped, true);
  return cases;
}

}  // namespace gannet
