#include "ops/case_operands.h"
#include "ops/gated_rms_norm/gated_rms_norm.h"

namespace gannet {

// As rms_norm, with one exp more.
std::vector<OpCase> cases_gated_rms_norm() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, const Shape& x, double z_scale, bool bench = false) {
    cases.push_back({&kOp_gated_rms_norm,
                     name,
                     {normal(x), parameter(Shape(x.last()), 0.5, 1.5), normal(x, z_scale)},
                     pack_attrs(GatedRmsNormAttrs{1e-6f}),
                     1e-12,
                     bench});
  };
  make("t1_n1", Shape(1, 1), 1);
  make("t1_h32_n128", Shape(1, 32, 128), 1);
  make("t7_h3_n72", Shape(7, 3, 72), 3);
  make("t2_n37_wide_range", Shape(2, 37), 60);
  make("t512_h32_n128", Shape(512, 32, 128), 1, true);
  return cases;
}

}  // namespace gannet
