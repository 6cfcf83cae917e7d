#include "ops/router/router.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/binary/binary.h"
#include "ops/gather_columns/gather_columns.h"
#include "ops/reduce_sum/reduce_sum.h"
#include "ops/softmax/softmax.h"
#include "ops/top_k/top_k.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"logits"}};
constexpr AttrDef kAttrs[] = {{"top_k", AttrKind::kInt, offsetof(RouterAttrs, top_k)}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const TensorType& logits = site.operands[0];
  const int64_t top_k = site.as<RouterAttrs>().top_k;
  if (logits.dtype != DType::kF32 || logits.shape.rank != 2)
    return shape_error(kOp_router,
                       fmt::format("logits must be F32[n_tokens, n_experts], not {}", to_text(logits)));
  if (top_k < 1 || top_k > logits.shape.dim[1])
    return shape_error(kOp_router, fmt::format("top_k = {} is not in 1 .. {}, the number of experts", top_k,
                                               logits.shape.dim[1]));
  const Shape shape(logits.shape.dim[0], top_k);
  return std::vector<TensorType>{{DType::kI32, shape}, {DType::kF32, shape}};
}

Cost cost(const OpSite& site) {
  const Shape& logits = site.operands[0].shape;
  const int64_t top_k = site.as<RouterAttrs>().top_k;
  return {.activation_bytes = 4 * logits.dim[0] * (logits.dim[1] + 2 * top_k),
          .flops = logits.dim[0] * (4 * logits.dim[1] + 2 * top_k)};
}

// With so many experts that the floor of the sum could bind, the op is primitive.
std::vector<ValueId> decompose(GraphBuilder& builder, const OpSite& site, std::span<const ValueId> operands,
                               const DecomposeContext&) {
  const int64_t k = site.as<RouterAttrs>().top_k;
  if (site.operands[0].shape.dim[1] > 16384 * k) return {};
  const ValueId shares = softmax(builder, operands[0]);
  const ValueId experts = top_k(builder, shares, k);
  const ValueId chosen = gather_columns(builder, shares, experts);
  return {experts, div(builder, chosen, reduce_sum(builder, chosen, 1))};
}

std::vector<OpSample> samples(const TensorType& result) {
  if (result.dtype != DType::kI32 || result.shape.rank != 2) return {};
  const int64_t k = result.shape.dim[1];
  return {{{{DType::kF32, Shape(result.shape.dim[0], 2 * k)}}, pack_attrs(RouterAttrs{k})}};
}

}  // namespace

const OpDef kOp_router = {
    .name = "router",
    .summary = "Softmax over the experts of each token, the top_k largest, renormalised to sum 1.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 2,
    .infer = infer,
    .cost = cost,
    .decompose = decompose,
    .repeatable = true,
    .samples = samples,
    .structural_axes = 0,
};

Routing router(GraphBuilder& builder, ValueId logits, int64_t top_k) {
  const RouterAttrs attrs{top_k};
  const ValueId operands[] = {logits};
  const auto results = builder.add(kOp_router, operands, &attrs, sizeof(attrs));
  return {results[0], results[1]};
}

}  // namespace gannet
