#include "ops/case_operands.h"
#include "ops/rms_norm/rms_norm.h"

namespace gannet {

// F32 sums in vector lanes against double sums: relative error below 1e-6 for rows of a few thousand.
std::vector<OpCase> cases_rms_norm() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, const Shape& x, double scale, float eps = 1e-6f,
                        bool bench = false) {
    cases.push_back({&kOp_rms_norm,
                     name,
                     {normal(x, scale), parameter(Shape(x.last()), 0.5, 1.5)},
                     pack_attrs(RmsNormAttrs{eps}),
                     1e-12,
                     bench});
  };
  make("t1_n1", Shape(1, 1), 1);
  make("t1_n2048", Shape(1, 2048), 1);
  make("t5_n1000", Shape(5, 1000), 3);
  make("t7_h4_n128", Shape(7, 4, 128), 1);
  make("t3_h2_n37", Shape(3, 2, 37), 1);
  make("tiny_values_eps_matters", Shape(2, 64), 1e-4);
  make("large_values", Shape(2, 5120), 1e4);
  make("n48", Shape(48), 1, 1e-5f);
  make("t512_n2048", Shape(512, 2048), 1, 1e-6f, true);
  return cases;
}

}  // namespace gannet
