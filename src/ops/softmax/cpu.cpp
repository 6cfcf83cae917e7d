// softmax in three passes over a row that stays in the cache: mask and maximum, exp and sum, division.
#include "backend/api/state_view.h"
#include "backend/cpu/rows.h"

namespace gannet::GANNET_ISA_NS {
namespace {

// The part [i, i + kLanes) of a row of n, with `other` where it ends.
GANNET_INLINE VF end_of_row(VF v, int64_t n, float other) {
  alignas(64) float lanes[kLanes];
  store(lanes, v);
  for (int64_t i = n; i < kLanes; ++i) lanes[i] = other;
  return load(lanes);
}

// y = x + mask (or x); returns the maximum, NaN if there is one.
template <bool kMask>
GANNET_INLINE float masked_max(const float* x, const float* mask, float* y, int64_t n) {
  VF largest = splat(-__builtin_inff()), odd = splat(0);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    VF v = load(x + i);
    if constexpr (kMask) {
      v = v + load(mask + i);
      store(y + i, v);
    }
    largest = max(v, largest);
    odd = max(odd, select_le(v, v, splat(0), splat(1)));
  }
  if (i < n) {
    VF v = load_part(x + i, n - i);
    if constexpr (kMask) {
      v = v + load_part(mask + i, n - i);
      store_part(y + i, v, n - i);
    }
    odd = max(odd, select_le(v, v, splat(0), splat(1)));
    largest = max(end_of_row(v, n - i, -__builtin_inff()), largest);
  }
  return reduce_max(odd) > 0 ? __builtin_nanf("") : reduce_max(largest);
}

// y = exp(x - largest), returns the sum. Two sums keep the additions independent.
GANNET_INLINE float exp_row(const float* x, float largest, float* y, int64_t n) {
  const VF shift = splat(largest);
  VF sum0 = splat(0), sum1 = splat(0);
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    const VF a = exp(load(x + i) - shift), b = exp(load(x + i + kLanes) - shift);
    store(y + i, a);
    store(y + i + kLanes, b);
    sum0 = sum0 + a;
    sum1 = sum1 + b;
  }
  for (; i < n; i += kLanes) {
    const int64_t left = n - i;
    if (left >= kLanes) {
      const VF a = exp(load(x + i) - shift);
      store(y + i, a);
      sum0 = sum0 + a;
    } else {
      const VF a = end_of_row(exp(load_part(x + i, left) - shift), left, 0.0f);
      store_part(y + i, a, left);
      sum1 = sum1 + a;
    }
  }
  return reduce_add(sum0 + sum1);
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &mask = args.operands[1], &y = args.results[0];
  const KvView* kv = args.operands[2].as<KvView>();
  const int64_t n = y.shape.last(), n_rows = y.shape.dim[y.shape.rank - 2];
  int64_t row, end;
  share_rows(worker, y.shape.rows(), 4 * n, row, end);
  RowWalk in(x, row), out(y, row);
  for (; row < end; ++row, in.next(), out.next()) {
    const int64_t t = row % n_rows;
    const int64_t visible = kv == nullptr ? n : kv->step->only().n_past + t + 1;
    const int64_t seen = visible < n ? visible : n;
    const bool masked = mask.data != nullptr;
    const float largest = masked ? masked_max<true>(in.row(), mask.f32(t), out.row(), seen)
                                 : masked_max<false>(in.row(), nullptr, nullptr, seen);
    const VF scale = splat(1.0f / exp_row(masked ? out.row() : in.row(), largest, out.row(), seen));
    map_row(out.row(), out.row(), seen, [&](VF v) GANNET_LAMBDA { return v * scale; });
    __builtin_memset(out.row() + seen, 0, static_cast<size_t>(n - seen) * sizeof(float));
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(softmax,
               {"softmax", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
