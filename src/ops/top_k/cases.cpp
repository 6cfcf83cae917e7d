#include <limits>

#include "ops/case_operands.h"
#include "ops/top_k/top_k.h"

namespace gannet {

// Integers: exact.
std::vector<OpCase> cases_top_k() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, int64_t t, int64_t n, int64_t k, double scale = 1,
                        bool bench = false) {
    cases.push_back({&kOp_top_k, name, {normal(Shape(t, n), scale)}, pack_attrs(TopKAttrs{k}), 0, bench});
  };
  make("t1_n1_k1", 1, 1, 1);
  make("t3_n37_k5", 3, 37, 5);
  make("t2_n8_k8", 2, 8, 8);
  make("t5_n60_k4", 5, 60, 4);
  make("t2_n40_k6_all_equal", 2, 40, 6, 0);
  make("t3_n21_k3_not_numbers", 3, 21, 3, std::numeric_limits<double>::quiet_NaN());
  make("t70_n256_k8", 70, 256, 8);
  make("t1_n512_k10", 1, 512, 10, 1, true);
  make("t512_n256_k8", 512, 256, 8, 1, true);
  return cases;
}

}  // namespace gannet
