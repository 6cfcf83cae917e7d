#include "ops/case_operands.h"
#include "ops/norm_quantize/norm_quantize.h"

namespace gannet {

// y as rms_norm's; the rounded rows to the comparison's own tolerance (case_run.h).
std::vector<OpCase> cases_norm_quantize() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, const Shape& x, double scale, float eps = 1e-6f,
                        bool bench = false) {
    cases.push_back({&kOp_norm_quantize,
                     name,
                     {normal(x, scale), parameter(Shape(x.last()), 0.5, 1.5)},
                     pack_attrs(NormQuantizeAttrs{eps}),
                     1e-12,
                     bench});
  };
  make("t1_n32", Shape(1, 32), 1);
  make("t1_n2048", Shape(1, 2048), 1);
  make("t1_n9728", Shape(1, 9728), 3);
  make("t3_n352_padded", Shape(3, 352), 1);
  make("t33_n992", Shape(33, 992), 2);
  make("tiny_values_eps_matters", Shape(2, 64), 1e-4);
  make("t512_n2048", Shape(512, 2048), 1, 1e-6f, true);
  return cases;
}

}  // namespace gannet
