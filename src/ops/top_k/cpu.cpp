// top_k in one pass: blocks of columns whose maximum does not beat the worst of the best k so far are skipped
// with one comparison.
#include "backend/cpu/rows.h"
#include "ops/top_k/top_k.h"

namespace gannet::GANNET_ISA_NS {
namespace {

constexpr int64_t kBlock = 2 * kLanes;

// Puts column i at its place among the n best so far (n <= k places); equal values stay behind earlier ones.
GANNET_INLINE void insert(const float* x, int32_t i, int32_t* ids, int64_t& n, int64_t k) {
  int64_t at = n < k ? n++ : k - 1;
  for (; at > 0 && x[ids[at - 1]] < x[i]; --at) ids[at] = ids[at - 1];
  ids[at] = i;
}

bool has_nan(const float* x, int64_t n) {
  float odd = 0;
  for (int64_t i = 0; i < n; ++i) odd = x[i] != x[i] ? 1.0f : odd;
  return odd != 0;
}

void best_of(const float* x, int64_t n, int32_t* ids, int64_t k) {
  if (has_nan(x, n)) {
    for (int64_t j = 0; j < k; ++j) ids[j] = static_cast<int32_t>(j);
    return;
  }
  int64_t found = 0, i = 0;
  for (; i < k; ++i) insert(x, static_cast<int32_t>(i), ids, found, k);
  while (i < n) {
    const int64_t end = i + kBlock <= n ? i + kBlock : n;
    if (end - i < kBlock || reduce_max(max(load(x + i), load(x + i + kLanes))) > x[ids[k - 1]])
      for (int64_t c = i; c < end; ++c)
        if (x[c] > x[ids[k - 1]]) insert(x, static_cast<int32_t>(c), ids, found, k);
    i = end;
  }
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  int64_t t, end;
  share_rows(worker, x.shape.dim[0], 4 * x.shape.dim[1], t, end);
  for (; t < end; ++t)
    best_of(x.f32(t), x.shape.dim[1], reinterpret_cast<int32_t*>(y.data + t * y.stride[0]),
            args.as<TopKAttrs>().k);
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(top_k, {"top_k", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
