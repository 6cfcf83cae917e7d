#include "ops/conv1d/conv1d.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}, {"w", false, Access::kDense}};
constexpr const char* kTimes[] = {"last", "first"};
constexpr AttrDef kAttrs[] = {{"time", AttrKind::kEnum, offsetof(Conv1dAttrs, time), kTimes}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const OpDef& op = kOp_conv1d;
  const TensorType &x = site.operands[0], &w = site.operands[1];
  const bool last = site.as<Conv1dAttrs>().time == Conv1dTime::kLast;
  GANNET_TRY(expect_f32(op, site, 0));
  GANNET_TRY(expect_rank(op, site, 0, 2, last ? "[n_channels, L]" : "[L, n_channels]"));
  GANNET_TRY(expect_f32(op, site, 1));
  GANNET_TRY(expect_rank(op, site, 1, 2, "[n_channels, taps]"));
  const int64_t channels = x.shape.dim[last ? 0 : 1], length = x.shape.dim[last ? 1 : 0];
  if (w.shape.dim[0] != channels)
    return shape_error(op,
                       fmt::format("w {} must have a row for each channel of x {}", to_text(w), to_text(x)));
  const int64_t n = length - w.shape.dim[1] + 1;
  if (n < 1 || w.shape.dim[1] < 1)
    return shape_error(op, fmt::format("x {} is shorter than the taps of w {}", to_text(x), to_text(w)));
  return std::vector<TensorType>{{DType::kF32, last ? Shape(channels, n) : Shape(n, channels)}};
}

}  // namespace

const OpDef kOp_conv1d = {
    .name = "conv1d",
    .summary =
        "Depthwise convolution over time without padding: y[c, t] = sum over i of w[c, i] x[c, t + i].",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 2 * site.operands[1].shape.dim[1]); },
    .stays = true,
};

ValueId conv1d(GraphBuilder& builder, ValueId x, ValueId w, Conv1dTime time) {
  return builder.add1(kOp_conv1d, {x, w}, Conv1dAttrs{time});
}

}  // namespace gannet
