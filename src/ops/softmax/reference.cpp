#include <cmath>

#include "backend/api/kernel.h"
#include "backend/api/state_view.h"

namespace gannet {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &mask = args.operands[1], &y = args.results[0];
  const KvView* kv = args.operands[2].as<KvView>();
  const int64_t n = x.shape.last(), n_rows = x.shape.dim[x.shape.rank - 2];
  int64_t begin, end;
  worker.share(y.shape.rows(), 1, begin, end);
  for (int64_t r = begin; r < end; ++r) {
    const float* px = reinterpret_cast<const float*>(x.flat_row(r));
    float* py = reinterpret_cast<float*>(y.flat_row(r));
    const int64_t t = r % n_rows;
    const int64_t visible = kv == nullptr ? n : kv->step->only().n_past + t + 1;
    const int64_t seen = visible < n ? visible : n;
    const auto value = [&](int64_t i) {
      return mask.data == nullptr ? px[i] : static_cast<double>(px[i]) + mask.f32(t)[i];
    };
    double largest = -INFINITY, sum = 0;
    for (int64_t i = 0; i < seen; ++i) largest = std::fmax(largest, value(i));
    for (int64_t i = 0; i < seen; ++i) sum += std::exp(value(i) - largest);
    for (int64_t i = 0; i < n; ++i)
      py[i] = i < seen ? static_cast<float>(std::exp(value(i) - largest) / sum) : 0.0f;
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(softmax, {"softmax", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
