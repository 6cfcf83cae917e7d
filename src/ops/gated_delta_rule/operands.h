// Places of gated_delta_rule's operands. Light: kernel files include it.
#pragma once

namespace gannet {

enum GatedDeltaRuleOperand : int { kQ, kK, kV, kAlpha, kBeta, kA, kDt, kState };

}  // namespace gannet
