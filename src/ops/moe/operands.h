// Places of moe's operands. Light: kernel files include it.
#pragma once

namespace gannet {

enum MoeOperand : int {
  kX,
  kQ,
  kLogits,
  kGate,
  kUp,
  kDown,
  kSharedGate,
  kSharedUp,
  kSharedDown,
  kSharedScale,
  kResidual,
  kOperandCount
};

}  // namespace gannet
