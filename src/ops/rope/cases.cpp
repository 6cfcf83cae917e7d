#include "ops/case_operands.h"
#include "ops/rope/rope.h"

namespace gannet {

// Angles are reduced in double by every kernel, so the error is that of F32 sines and products.
std::vector<OpCase> cases_rope() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, const Shape& x, int64_t first, const RopeAttrs& attrs,
                        bool bench = false) {
    cases.push_back(
        {&kOp_rope, name, {normal(x), positions(x.dim[0], first)}, pack_attrs(attrs), 1e-12, bench});
  };
  const RopeAttrs full{128, 1e6f, 1, 0, 1, 0, 0};
  const RopeAttrs partial{64, 1e7f, 1, 0, 1, 0, 0};
  make("t1_h16_d128", Shape(1, 16, 128), 0, full);
  make("t5_h3_d128_far", Shape(5, 3, 128), 262000, full);
  make("t7_h8_d256_partial", Shape(7, 8, 256), 4090, partial);
  make("t3_h2_d10_odd_half", Shape(3, 2, 10), 77, {6, 1e4f, 1, 0, 1, 0, 0});
  make("t2_h2_d64_n2", Shape(2, 2, 64), 3, {2, 1e4f, 1, 0, 1, 0, 0});
  make("t4_h2_d128_linear", Shape(4, 2, 128), 1000, {128, 1e6f, 0.25f, 0, 1, 0, 0});
  make("t4_h2_d128_yarn", Shape(4, 2, 128), 50000, {128, 1e6f, 0.25f, 1, 1.138629f, 23, 40});
  make("t2_h2_d64_yarn_step", Shape(2, 2, 64), 300, {64, 1e6f, 0.25f, 1, 1.138629f, 12, 12});
  make("t2_h2_d64_yarn_all_interpolated", Shape(2, 2, 64), 300, {64, 1e6f, 0.25f, 1, 1.138629f, 0, -2});
  make("t512_h16_d128", Shape(512, 16, 128), 0, full, true);
  return cases;
}

}  // namespace gannet
