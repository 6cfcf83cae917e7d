#include "ops/kv_read/kv_read.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"kv"}};
constexpr AttrDef kAttrs[] = {{"n_kv", AttrKind::kInt, offsetof(KvReadAttrs, n_kv)},
                              {"n_tokens", AttrKind::kInt, offsetof(KvReadAttrs, n_tokens)}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const auto& a = site.as<KvReadAttrs>();
  const TensorType& kv = site.operands[0];
  if (kv.dtype != DType::kKvCache)
    return shape_error(kOp_kv_read, fmt::format("kv is {}, must be a KV cache", to_text(kv)));
  if (a.n_tokens < 1 || a.n_kv < a.n_tokens)
    return shape_error(kOp_kv_read, fmt::format("{} rows cannot hold {} tokens", a.n_kv, a.n_tokens));
  const TensorType rows{DType::kF32, Shape(kv.shape.dim[0], a.n_kv, kv.shape.dim[1])};
  return std::vector<TensorType>{rows, rows};
}

}  // namespace

const OpDef kOp_kv_read = {
    .name = "kv_read",
    .summary = "The rows of a KV cache, this run's included, as two F32 tensors with zeros behind them.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 2,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 0); },
};

KvTensors kv_read(GraphBuilder& builder, ValueId kv, int64_t n_kv, int64_t n_tokens) {
  const KvReadAttrs attrs{n_kv, n_tokens};
  const std::vector<ValueId> rows = builder.add(kOp_kv_read, std::span(&kv, 1), &attrs, sizeof(attrs));
  return {rows[0], rows[1]};
}

}  // namespace gannet
