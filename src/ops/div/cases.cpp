#include "ops/binary_cases.h"
#include "ops/div/div.h"

namespace gannet {

std::vector<OpCase> cases_div() {
  return binary_cases(kOp_div);
}

}  // namespace gannet
