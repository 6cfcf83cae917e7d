#include "ops/unary/unary.h"

#include "ir/graph.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"}};
constexpr const char* kFunctions[] = {"silu", "sigmoid", "exp", "softplus"};
constexpr AttrDef kAttrs[] = {
    {"function", AttrKind::kEnum, offsetof(UnaryAttrs, function), kFunctions},
};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  GANNET_TRY(expect_f32(kOp_unary, site, 0));
  return std::vector<TensorType>{site.operands[0]};
}

}  // namespace

const OpDef kOp_unary = {
    .name = "unary",
    .summary =
        "Elementwise function of one operand: silu(x) = x sigmoid(x), sigmoid(x) = 1 / (1 + exp(-x)), "
        "exp(x), softplus(x) = log(1 + exp(x)), or x where x > 20.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 20); },
    .elementwise = true,
    .repeatable = true,
};

ValueId silu(GraphBuilder& builder, ValueId x) {
  return builder.add1(kOp_unary, {x}, UnaryAttrs{UnaryFunction::kSilu});
}

ValueId sigmoid(GraphBuilder& builder, ValueId x) {
  return builder.add1(kOp_unary, {x}, UnaryAttrs{UnaryFunction::kSigmoid});
}

ValueId exp(GraphBuilder& builder, ValueId x) {
  return builder.add1(kOp_unary, {x}, UnaryAttrs{UnaryFunction::kExp});
}

ValueId softplus(GraphBuilder& builder, ValueId x) {
  return builder.add1(kOp_unary, {x}, UnaryAttrs{UnaryFunction::kSoftplus});
}

}  // namespace gannet
