// Places of attention_mixer's operands. Light: kernel files include it.
#pragma once

namespace gannet {

enum AttentionMixerOperand : int { kQ, kK, kV, kGate, kQNorm, kKNorm, kPositions, kKv, kOperandCount };

}  // namespace gannet
