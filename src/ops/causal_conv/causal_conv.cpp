#include "ops/causal_conv/causal_conv.h"

#include "ops/rules.h"

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
};

ValueId causal_conv(GraphBuilder& builder, ValueId x, ValueId w, ValueId state) {
  return builder.add1(kOp_causal_conv, {x, w, state});
}

}  // namespace gannet
