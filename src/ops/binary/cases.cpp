#include "ops/binary/binary.h"
#include "ops/case_operands.h"

namespace gannet {
namespace {

// add, sub, div. One rounding in every kernel: bitwise equal to the reference.
void broadcast_cases(const OpDef& op, std::vector<OpCase>& cases) {
  const auto make = [&](const char* name, const Shape& a, const Shape& b, bool bench = false) {
    cases.push_back({&op, name, {normal(a), normal(b)}, {}, 0, bench});
  };
  make("t1_n1", Shape(1, 1), Shape(1, 1));
  make("t1_n2048", Shape(1, 2048), Shape(1, 2048));
  make("t7_n1000", Shape(7, 1000), Shape(7, 1000));
  make("t3_h5_n37", Shape(3, 5, 37), Shape(3, 5, 37));
  make("n19", Shape(19), Shape(19));
  make("t9_n77_column", Shape(9, 77), Shape(9, 1));
  make("column_t9_n77", Shape(9, 1), Shape(9, 77));
  make("t9_n77_row", Shape(9, 77), Shape(1, 77));
  make("outer_t33_n70", Shape(33, 1), Shape(1, 70));
  make("h3_t5_n1_columns", Shape(3, 5, 1), Shape(1, 5, 1));
  make("b2_h3_t5_n9_middle", Shape(2, 3, 5, 9), Shape(2, 1, 5, 1));
  make("h2_c3_t17_n64_both", Shape(2, 1, 17, 64), Shape(1, 3, 17, 1));
  make("t512_n2048", Shape(512, 2048), Shape(512, 2048), true);
  make("h32_n64_outer", Shape(32, 8, 64, 1), Shape(32, 8, 1, 64), true);
}

// Also with shared heads. One rounding in every kernel: bitwise equal to the reference.
void mul_cases(std::vector<OpCase>& cases) {
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
}

}  // namespace

std::vector<OpCase> cases_binary() {
  std::vector<OpCase> cases;
  for (const OpDef* op : {&kOp_add, &kOp_sub, &kOp_div}) broadcast_cases(*op, cases);
  mul_cases(cases);
  return cases;
}

}  // namespace gannet
