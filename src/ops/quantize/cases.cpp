#include "ops/case_operands.h"
#include "ops/quantize/quantize.h"

namespace gannet {

// The law fixes every code and scale; only the comparison of rounded rows itself has a tolerance
// (case_run.h).
std::vector<OpCase> cases_quantize() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, const Shape& x, double scale, bool bench = false) {
    cases.push_back({&kOp_quantize, name, {normal(x, scale)}, {}, 0, bench});
  };
  make("t1_n32", Shape(1, 32), 1);
  make("t1_n2048", Shape(1, 2048), 1);
  make("t1_n9728", Shape(1, 9728), 3);
  make("t3_n352_padded", Shape(3, 352), 1);
  make("t5_n96_large", Shape(5, 96), 1e20);
  make("t2_n256_vanishing", Shape(2, 256), 1e-32);
  make("t2_n256_small", Shape(2, 256), 1e-25);
  make("t8_n256_about_to_vanish", Shape(8, 256), 5e-31);  // the largest of a block is on both sides of 1e-30
  make("t512_n2048", Shape(512, 2048), 1, true);
  return cases;
}

}  // namespace gannet
