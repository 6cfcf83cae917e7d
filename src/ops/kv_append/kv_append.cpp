#include "ops/kv_append/kv_append.h"

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"kv"}, {"k"}, {"v"}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const OpDef& op = kOp_kv_append;
  const TensorType& k = site.operands[1];
  GANNET_TRY(expect_f32(op, site, 1));
  GANNET_TRY(expect_rank(op, site, 1, 3, "[n_tokens, n_kv_heads, head_dim]"));
  GANNET_TRY(expect_type(op, site, 0, {DType::kKvCache, Shape(k.shape.dim[1], k.shape.dim[2])},
                         "([n_kv_heads, head_dim] of k)"));
  GANNET_TRY(expect_type(op, site, 2, k, "like k"));
  return std::vector<TensorType>{};
}

}  // namespace

const OpDef kOp_kv_append = {
    .name = "kv_append",
    .summary = "Stores the K and V of this run behind the tokens of a KV cache.",
    .operands = kOperands,
    .attrs = {},
    .n_results = 0,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 0); },
    .writes_state = true,
};

void kv_append(GraphBuilder& builder, ValueId kv, ValueId k, ValueId v) {
  const ValueId operands[] = {kv, k, v};
  builder.add(kOp_kv_append, operands, nullptr, 0);
}

}  // namespace gannet
