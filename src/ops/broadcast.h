// Operands with fewer heads than the other, in mul and bmm. Light, because kernels include it.
#pragma once

#include <cstdint>

#include "tensor/half.h"

namespace gannet {

// How an operand with fewer heads (axis 0) than the other is used: entry h of the result takes entry h % few
// (tiled) or h / (many / few) (grouped) of it. kSame: numpy's rule holds on axis 0 as on the others.
enum class HeadShare : int32_t { kSame, kTiled, kGrouped };

// The entry, of `few`, that goes with entry h of `many`.
GANNET_INLINE int64_t shared_head(HeadShare heads, int64_t h, int64_t few, int64_t many) {
  if (few == many) return h;
  if (few == 1) return 0;
  return heads == HeadShare::kTiled ? h % few : h / (many / few);
}

}  // namespace gannet
