// Places of delta_mixer's operands. Light: kernel files include it.
#pragma once

namespace gannet {

enum DeltaMixerOperand : int { kQkv, kZ, kAlpha, kBeta, kTaps, kA, kDt, kNorm, kConv, kDelta };

}  // namespace gannet
