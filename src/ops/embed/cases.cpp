#include <fmt/core.h>

#include "ops/case.h"
#include "ops/embed/embed.h"

namespace gannet {

std::vector<OpCase> cases_embed() {
  std::vector<OpCase> all;
  for (DType type : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_0, DType::kQ6_K}) {
    OpCase c;
    c.op = &kOp_embed;
    c.name = fmt::format("{}_t5", dtype_info(type).name);
    c.operands = {{{type, Shape(40, 256)}, {}},
                  {{DType::kI32, Shape(5)}, {.kind = Fill::Kind::kIndices, .high = 40}}};
    c.nmse = 0;  // one conversion per element, the same in every kernel
    all.push_back(c);
  }
  return all;
}

}  // namespace gannet
