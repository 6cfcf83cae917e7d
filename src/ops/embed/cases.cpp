#include <fmt/core.h>

#include "ops/case.h"
#include "ops/embed/embed.h"
#include "ops/weight_type.h"

namespace gannet {

std::vector<OpCase> cases_embed() {
  std::vector<OpCase> all;
  for (int t = 0; t < kDTypeCount; ++t) {
    const auto type = static_cast<DType>(t);
    if (!is_weight_type(type)) continue;
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
