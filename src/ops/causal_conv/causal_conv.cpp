#include "ops/causal_conv/causal_conv.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/concat/concat.h"
#include "ops/conv1d/conv1d.h"
#include "ops/copy/copy.h"
#include "ops/permute/permute.h"
#include "ops/rules.h"
#include "ops/slice/slice.h"
#include "ops/state_read/state_read.h"
#include "ops/state_write/state_write.h"
#include "ops/unary/unary.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}, {"w"}, {"state"}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const TensorType &x = site.operands[0], &w = site.operands[1];
  GANNET_TRY(expect_f32(kOp_causal_conv, site, 0));
  GANNET_TRY(expect_rank(kOp_causal_conv, site, 0, 2, "[n_tokens, n_channels]"));
  GANNET_TRY(expect_f32(kOp_causal_conv, site, 1));
  GANNET_TRY(expect_rank(kOp_causal_conv, site, 1, 2, "[n_channels, n_taps]"));
  if (w.shape.dim[0] != x.shape.dim[1])
    return shape_error(kOp_causal_conv,
                       fmt::format("w {} must have a row for each channel of x {}", to_text(w), to_text(x)));
  if (w.shape.dim[1] < 2)
    return shape_error(kOp_causal_conv, fmt::format("w {} must have 2 taps or more", to_text(w)));
  GANNET_TRY(expect_type(kOp_causal_conv, site, 2,
                         {DType::kRecurrent, Shape(w.shape.dim[1] - 1, w.shape.dim[0])},
                         "([taps - 1, n_channels])"));
  return std::vector<TensorType>{x};
}

Cost cost(const OpSite& site) {
  Cost cost = streaming_cost(site, 2 * site.operands[1].shape.dim[1] + 20);
  cost.state_bytes = 2 * site.operands[2].shape.elements() * int64_t{sizeof(float)};
  return cost;
}

std::vector<ValueId> decompose(GraphBuilder& builder, const OpSite& site, std::span<const ValueId> operands,
                               const DecomposeContext&) {
  const int64_t n_tokens = site.operands[0].shape.dim[0], past = site.operands[1].shape.dim[1] - 1;
  const auto turned = [&](ValueId x) { return copy(builder, permute(builder, x, {1, 0})); };
  const ValueId window[] = {turned(state_read(builder, operands[2])), turned(operands[0])};
  const ValueId all = concat(builder, window, 1);  // [n_channels, past + n_tokens]
  state_write(builder, operands[2], turned(slice(builder, all, 1, n_tokens, past)));
  return {turned(silu(builder, conv1d(builder, all, operands[1], Conv1dTime::kLast)))};
}

std::vector<OpSample> samples(const TensorType& result) {
  if (result.dtype != DType::kF32 || result.shape.rank != 2) return {};
  const int64_t channels = result.shape.dim[1], taps = 4;
  return {
      {{result, {DType::kF32, Shape(channels, taps)}, {DType::kRecurrent, Shape(taps - 1, channels)}}, {}}};
}

}  // namespace

const OpDef kOp_causal_conv = {
    .name = "causal_conv",
    .summary =
        "Depthwise convolution over time without bias, then SiLU. The inputs before this run come from the "
        "state, "
        "which keeps the last taps - 1 of them (oldest first).",
    .operands = kOperands,
    .attrs = {},
    .n_results = 1,
    .infer = infer,
    .cost = cost,
    .decompose = decompose,
    .writes_state = true,
    .samples = samples,
    .structural_axes = 1,
};

ValueId causal_conv(GraphBuilder& builder, ValueId x, ValueId w, ValueId state) {
  return builder.add1(kOp_causal_conv, {x, w, state});
}

}  // namespace gannet
