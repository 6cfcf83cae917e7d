#include "ops/case_operands.h"
#include "ops/state_read/state_read.h"

namespace gannet {

// Copies: exact.
std::vector<OpCase> cases_state_read() {
  std::vector<OpCase> cases;

  const auto make = [&](const char* name, const Shape& shape, bool bench = false) {
    cases.push_back({&kOp_state_read, name, {recurrent(shape)}, {}, 0, bench});
  };
  make("n1", Shape(1));
  make("c37_k3", Shape(37, 3));
  make("h3_s16_s19", Shape(3, 16, 19));
  make("h32_s128_s128", Shape(32, 128, 128), true);
  return cases;
}

}  // namespace gannet
