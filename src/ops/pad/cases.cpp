#include "ops/case_operands.h"
#include "ops/pad/pad.h"

namespace gannet {

// Copies: exact.
std::vector<OpCase> cases_pad() {
  std::vector<OpCase> cases;

  const auto make = [&](const char* name, const Shape& x, int64_t axis, int64_t after, bool bench = false) {
    cases.push_back({&kOp_pad, name, {normal(x)}, pack_attrs(PadAttrs{axis, after}), 0, bench});
  };
  make("nothing", Shape(3, 7), 0, 0);
  make("n5", Shape(5), 0, 3);
  make("t1_n1_last", Shape(1, 1), 1, 1);
  make("last", Shape(3, 5, 37), 2, 27);
  make("middle", Shape(3, 5, 37), 1, 59);
  make("first", Shape(3, 5, 37), 0, 2);
  make("third_of_4", Shape(2, 3, 5, 9), 2, 4);
  make("long_rows", Shape(3, 5000), 0, 1);
  make("t500_to_512", Shape(32, 500, 128), 1, 12, true);
  return cases;
}

}  // namespace gannet
