#include "ops/case_operands.h"
#include "ops/softmax/softmax.h"

namespace gannet {

// exp to 2 ulp and a sum in vector lanes.
std::vector<OpCase> cases_softmax() {
  std::vector<OpCase> cases;
  // n_past < 0: no cache.
  const auto make = [&](const char* name, const Shape& x, bool masked, int64_t n_past, double scale = 3,
                        bool bench = false) {
    cases.push_back({&kOp_softmax,
                     name,
                     {normal(x, scale), masked ? normal(Shape(x.dim[x.rank - 2], x.last()), 5) : absent(),
                      n_past < 0 ? absent() : kv_cache(1, 8, n_past, DType::kF16)},
                     {},
                     1e-12,
                     bench});
  };
  make("t1_n1", Shape(1, 1), false, -1);
  make("t3_n37", Shape(3, 37), false, -1);
  make("t5_n60_masked", Shape(5, 60), true, -1);
  make("h3_t4_n21_masked", Shape(3, 4, 21), true, -1);
  make("h2_t5_n12_past7", Shape(2, 5, 12), false, 7);
  make("h2_t5_n40_past7_padded", Shape(2, 5, 40), false, 7);
  make("h3_t1_n300_past200_padded", Shape(3, 1, 300), false, 200);
  make("b2_h3_t2_n70_masked_past3", Shape(2, 3, 2, 70), true, 3);
  make("t2_n1000_large", Shape(2, 1000), false, -1, 100);
  make("t512_n256", Shape(512, 256), false, -1, 2, true);
  make("h16_t128_n2048_masked", Shape(16, 128, 2048), true, -1, 3, true);
  make("h16_t1_n2048", Shape(16, 1, 2048), false, -1, 3, true);
  return cases;
}

}  // namespace gannet
