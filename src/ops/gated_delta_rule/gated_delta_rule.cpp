#include "ops/gated_delta_rule/gated_delta_rule.h"

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/gated_delta_rule/decompose.h"
#include "ops/gated_delta_rule/operands.h"
#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"q"},           {"k"}, {"v"},  {"alpha_logits"},
                                    {"beta_logits"}, {"a"}, {"dt"}, {"state"}};
constexpr const char* kHeadMaps[] = {"tiled", "grouped"};
constexpr AttrDef kAttrs[] = {
    {"eps", AttrKind::kFloat, offsetof(GatedDeltaRuleAttrs, eps)},
    {"heads", AttrKind::kEnum, offsetof(GatedDeltaRuleAttrs, heads), kHeadMaps},
};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const OpDef& op = kOp_gated_delta_rule;
  const TensorType &q = site.operands[kQ], &v = site.operands[kV];
  GANNET_TRY(expect_f32(op, site, kQ));
  GANNET_TRY(expect_rank(op, site, kQ, 3, "[n_tokens, n_key_heads, S]"));
  GANNET_TRY(expect_type(op, site, kK, q, "like q"));
  GANNET_TRY(expect_f32(op, site, kV));
  GANNET_TRY(expect_rank(op, site, kV, 3, "[n_tokens, n_value_heads, S]"));
  const int64_t n_tokens = q.shape.dim[0], key_heads = q.shape.dim[1], s = q.shape.dim[2];
  const int64_t heads = v.shape.dim[1];
  if (v.shape.dim[0] != n_tokens || v.shape.dim[2] != s || key_heads < 1 || heads % key_heads != 0)
    return shape_error(op, fmt::format("v {} must have the tokens and S of q {} and a multiple of its heads",
                                       to_text(v), to_text(q)));
  GANNET_TRY(
      expect_type(op, site, kAlpha, {DType::kF32, Shape(n_tokens, heads)}, "([n_tokens, n_value_heads])"));
  GANNET_TRY(
      expect_type(op, site, kBeta, {DType::kF32, Shape(n_tokens, heads)}, "([n_tokens, n_value_heads])"));
  GANNET_TRY(expect_type(op, site, kA, {DType::kF32, Shape(heads)}, "([n_value_heads])"));
  GANNET_TRY(expect_type(op, site, kDt, {DType::kF32, Shape(heads)}, "([n_value_heads])"));
  GANNET_TRY(
      expect_type(op, site, kState, {DType::kRecurrent, Shape(heads, s, s)}, "([n_value_heads, S, S])"));
  return std::vector<TensorType>{v};
}

// Two dots and one rank-one update of the state per token.
Cost cost(const OpSite& site) {
  Cost cost = streaming_cost(site, 0);
  const int64_t state = site.operands[kState].shape.elements();
  cost.state_bytes = 2 * state * int64_t{sizeof(float)};
  cost.flops = 7 * state * site.operands[kQ].shape.dim[0];
  return cost;
}

}  // namespace

const OpDef kOp_gated_delta_rule = {
    .name = "gated_delta_rule",
    .summary =
        "The recurrence of Gated DeltaNet per value head and token: the state P decays by exp(a "
        "softplus(alpha + dt)), "
        "takes k (beta (v - P^T k))^T on top, and gives P^T q / sqrt(S); q and k are L2-normalised, beta "
        "passes a "
        "sigmoid.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = cost,
    .decompose = decompose_gated_delta_rule,
    .writes_state = true,
    .samples = samples_gated_delta_rule,
    .structural_axes = 1,
};

ValueId gated_delta_rule(GraphBuilder& builder, ValueId q, ValueId k, ValueId v, ValueId alpha_logits,
                         ValueId beta_logits, ValueId a, ValueId dt, ValueId state,
                         const GatedDeltaRuleAttrs& attrs) {
  return builder.add1(kOp_gated_delta_rule, {q, k, v, alpha_logits, beta_logits, a, dt, state}, attrs);
}

}  // namespace gannet
