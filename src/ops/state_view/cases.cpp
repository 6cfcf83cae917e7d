#include "ops/case.h"

namespace gannet {

// A view runs no kernel; its address arithmetic is tested in src/ops/views_test.cpp.
std::vector<OpCase> cases_state_view() {
  return {};
}

}  // namespace gannet
