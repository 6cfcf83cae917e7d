#include "ops/case_operands.h"
#include "ops/concat/concat.h"

namespace gannet {

// Copies: exact.
std::vector<OpCase> cases_concat() {
  std::vector<OpCase> cases;

  const auto make = [&](const char* name, const std::vector<Shape>& shapes, int64_t axis,
                        bool bench = false) {
    OpCase c{&kOp_concat, name, {}, pack_attrs(ConcatAttrs{axis}), 0, bench};
    for (const Shape& shape : shapes) c.operands.push_back(normal(shape));
    cases.push_back(c);
  };
  make("t1_n1_m1", {Shape(1, 1), Shape(1, 1)}, 1);
  make("one_operand", {Shape(3, 7)}, 0);
  make("t5_n64_m33", {Shape(5, 64), Shape(5, 33)}, 1);
  make("t2_h3_n8_m4", {Shape(2, 3, 8), Shape(2, 3, 4)}, 2);
  make("n5_m6", {Shape(5), Shape(6)}, 0);
  make("five_on_axis_0", {Shape(2, 37), Shape(1, 37), Shape(3, 37), Shape(5, 37), Shape(1, 37)}, 0);
  make("three_in_the_middle", {Shape(2, 3, 4, 9), Shape(2, 1, 4, 9), Shape(2, 2, 4, 9)}, 1);
  make("rows_of_4", {Shape(2, 3, 4, 9), Shape(2, 3, 1, 9)}, 2);
  make("window_and_tokens", {Shape(6144, 3), Shape(6144, 512)}, 1, true);
  make("chunks", std::vector<Shape>(8, Shape(32, 1, 64, 128)), 1, true);
  return cases;
}

}  // namespace gannet
