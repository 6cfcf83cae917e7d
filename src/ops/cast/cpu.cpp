#include "backend/cpu/lattice.h"
#include "ops/cast/cast.h"

namespace gannet::GANNET_ISA_NS {
namespace {

// Widens [begin, end) of a contiguous tensor; `load_wide` reads a vector, `widen` one element.
template <class T, class Load, class Widen>
GANNET_INLINE void widen_all(const T* x, float* y, int64_t begin, int64_t end, Load load_wide, Widen widen) {
  int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes) store(y + i, load_wide(x + i));
  for (; i < end; ++i) y[i] = widen(x[i]);
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  int64_t begin, end;
  const int64_t n = y.shape.elements(), blocks = (n + kLatticeBlock - 1) / kLatticeBlock;
  share_rows(worker, blocks, kLatticeBlock, begin, end);
  begin *= kLatticeBlock;
  end = end * kLatticeBlock < n ? end * kLatticeBlock : n;
  float* out = y.as<float>();
  if (x.dtype == DType::kF16)
    widen_all(
        x.as<uint16_t>(), out, begin, end, [](const uint16_t* p) GANNET_LAMBDA { return load_f16(p); },
        [](uint16_t h) GANNET_LAMBDA { return f16_to_f32(h); });
  else if (x.dtype == DType::kBF16)
    widen_all(
        x.as<uint16_t>(), out, begin, end, [](const uint16_t* p) GANNET_LAMBDA { return load_bf16(p); },
        [](uint16_t h) GANNET_LAMBDA { return bf16_to_f32(h); });
  else
    widen_all(
        x.as<float>(), out, begin, end, [](const float* p) GANNET_LAMBDA { return load(p); },
        [](float v) GANNET_LAMBDA { return v; });
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(cast, {"cast", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
