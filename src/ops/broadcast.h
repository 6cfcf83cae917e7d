// What add, sub, mul and div have in common: which operand element goes with a result element. Light, because
// kernels include it.
#pragma once

#include "backend/api/kernel.h"

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

// The reference of a binary op: y = f(a, b) with numpy's broadcasting.
template <class F>
GANNET_INLINE void reference_binary(const KernelArgs& args, Worker& worker, HeadShare heads, F f) {
  const TensorView& y = args.results[0];
  const int rank = y.shape.rank;
  int64_t begin, end;
  worker.share(y.shape.elements(), 1, begin, end);
  for (int64_t i = begin; i < end; ++i) {
    const auto at = [&](const TensorView& x) {
      const std::byte* p = x.data;
      int64_t left = i;
      for (int axis = rank - 1; axis >= 0; --axis) {
        const int64_t index = left % y.shape.dim[axis];
        left /= y.shape.dim[axis];
        p += shared_head(heads, index, x.shape.dim[axis], y.shape.dim[axis]) * x.stride[axis];
      }
      return *reinterpret_cast<const float*>(p);
    };
    y.as<float>()[i] = f(at(args.operands[0]), at(args.operands[1]));
  }
}

}  // namespace gannet
