// What a back end can do that decides which ops a graph should be made of. Passes get it as a value, so that
// they know ops and no machines; the back end that a plan is for fills it (backend/cpu/capabilities.h).
#pragma once

#include <cstdint>

namespace gannet {

struct Capabilities {
  // Products with weights of block types take activations that a step of its own rounded to 8 bits.
  bool takes_rounded_activations = false;
  // Most tokens of a run for which the middle of a Gated DeltaNet layer is one step (op delta_mixer); for
  // more its parts run by themselves.
  int64_t delta_mixer_tokens = 0;
};

}  // namespace gannet
