#include "ops/add/add.h"
#include "ops/binary_cases.h"

namespace gannet {

std::vector<OpCase> cases_add() {
  return binary_cases(kOp_add);
}

}  // namespace gannet
