#include "ops/case_operands.h"
#include "ops/state_write/state_write.h"

namespace gannet {

// Copies: exact.
std::vector<OpCase> cases_state_write() {
  std::vector<OpCase> cases;

  const auto make = [&](const char* name, const Shape& state, const Shape& x, StatePlace place,
                        bool bench = false) {
    cases.push_back({&kOp_state_write,
                     name,
                     {recurrent(state), {{DType::kF32, x}, {}}},
                     pack_attrs(StateWriteAttrs{place}),
                     0,
                     bench});
  };
  make("n1", Shape(1), Shape(1), StatePlace::kCopy);
  make("c37_k3", Shape(37, 3), Shape(37, 3), StatePlace::kCopy);
  make("another_shape", Shape(3, 16, 19), Shape(48, 19), StatePlace::kCopy);
  make("direct_but_elsewhere", Shape(3, 16, 19), Shape(3, 16, 19), StatePlace::kDirect);
  make("h32_s128_s128", Shape(32, 128, 128), Shape(32, 128, 128), StatePlace::kCopy, true);
  return cases;
}

}  // namespace gannet
