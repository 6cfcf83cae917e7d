// The cases of ops with two operands that broadcast: add, sub, div.
#pragma once

#include "ops/case_operands.h"

namespace gannet {

// One rounding in every kernel: bitwise equal to the reference.
inline std::vector<OpCase> binary_cases(const OpDef& op) {
  std::vector<OpCase> cases;
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
  return cases;
}

}  // namespace gannet
