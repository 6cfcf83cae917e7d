#include "ops/binary_cases.h"
#include "ops/sub/sub.h"

namespace gannet {

std::vector<OpCase> cases_sub() {
  return binary_cases(kOp_sub);
}

}  // namespace gannet
