// gated_delta_rule: the recurrence of Gated DeltaNet (Yang, Kautz, Hatamizadeh, "Gated Delta Networks", arXiv
// 2412.06464) with Qwen's input transforms. Per value head h, with key head kh, per token:
//   q = l2(q_kh), k = l2(k_kh), beta = sigmoid(beta_logit), decay = exp(a_h * softplus(alpha_logit + dt_h))
//   P <- decay * P;  e = beta * (v - P^T k);  P <- P + k e^T;  o = P^T q / sqrt(S)
// l2(x) = x / sqrt(sum(x^2) + eps). kh = h % Hk when `heads` is tiled (qwen35*), h / (Hv/Hk) when grouped
// (qwen3next).
#pragma once

#include "ir/op_site.h"

namespace gannet {

extern const OpDef kOp_gated_delta_rule;

enum class HeadMap : int32_t { kTiled, kGrouped };

struct GatedDeltaRuleAttrs {
  float eps;
  HeadMap heads;
};

// q, k F32[n_tokens, Hk, S], v F32[n_tokens, Hv, S], alpha_logits, beta_logits F32[n_tokens, Hv], a F32[Hv]
// (negative), dt F32[Hv], state recurrent[Hv, S, S] (value index, key index; key contiguous) -> F32[n_tokens,
// Hv, S]; the state moves on. All token-major operands may be strided in the leading axes.
ValueId gated_delta_rule(GraphBuilder& builder, ValueId q, ValueId k, ValueId v, ValueId alpha_logits,
                         ValueId beta_logits, ValueId a, ValueId dt, ValueId state,
                         const GatedDeltaRuleAttrs& attrs);

}  // namespace gannet
