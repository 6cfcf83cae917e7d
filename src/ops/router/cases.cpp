#include <limits>

#include <fmt/core.h>

#include "ops/case_operands.h"
#include "ops/router/router.h"

namespace gannet {

std::vector<OpCase> cases_router() {
  struct Size {
    int64_t n_tokens, n_experts, top_k;
    bool bench;
  };
  std::vector<OpCase> all;
  for (const Size& s : {Size{1, 4, 2, false}, Size{3, 37, 5, false}, Size{2, 8, 8, false},
                        Size{1, 1, 1, false}, Size{5, 60, 4, false}, Size{2, 1030, 3, false},
                        Size{7, 256, 8, true}, Size{1, 512, 10, true}, Size{512, 256, 8, true}}) {
    OpCase c;
    c.op = &kOp_router;
    c.name = fmt::format("t{}_e{}_k{}", s.n_tokens, s.n_experts, s.top_k);
    c.operands = {{{DType::kF32, Shape(s.n_tokens, s.n_experts)}, {.kind = Fill::Kind::kNormal, .scale = 2}}};
    c.attrs = pack_attrs(RouterAttrs{s.top_k});
    c.bench = s.bench;
    all.push_back(c);
  }
  const auto special = [&](const char* name, int64_t top_k, const CaseOperand& logits) {
    all.push_back({&kOp_router, name, {logits}, pack_attrs(RouterAttrs{top_k})});
  };
  special("t2_e40_k6_all_equal", 6, whole(Shape(2, 40), 1, 2));
  special("t9_e40_k6_ties", 6, whole(Shape(9, 40), 0, 4));
  special("t20_e5_k3_ties", 3, whole(Shape(20, 5), 0, 2));
  special("t3_e21_k3_not_numbers", 3, normal(Shape(3, 21), std::numeric_limits<double>::quiet_NaN()));
  return all;
}

}  // namespace gannet
