#include "backend/api/kernel.h"
#include "ops/bmm/bmm.h"

namespace gannet {
namespace {

// Where the matrix for entry `index` of the result's leading axes lies in an operand.
std::byte* matrix(const TensorView& x, const Shape& y, int64_t index, HeadShare heads) {
  std::byte* at = x.data;
  for (int axis = y.rank - 3; axis >= 0; --axis) {
    int64_t i = index % y.dim[axis];
    index /= y.dim[axis];
    if (x.shape.dim[axis] != y.dim[axis]) i = shared_head(heads, i, x.shape.dim[axis], y.dim[axis]);
    at += i * x.stride[axis];
  }
  return at;
}

float at(const std::byte* p) {
  return *reinterpret_cast<const float*>(p);
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &a = args.operands[0], &b = args.operands[1], &y = args.results[0];
  const auto& attrs = args.as<BmmAttrs>();
  const int last = y.shape.rank - 1, row = last - 1;
  const int64_t m = y.shape.dim[row], n = y.shape.dim[last], length = a.shape.dim[last];
  const bool rows = attrs.b == BmmSide::kRows;
  const int64_t step_k = b.stride[rows ? last : row], step_n = b.stride[rows ? row : last];
  int64_t begin, end;
  worker.share(y.shape.rows(), 1, begin, end);
  for (int64_t r = begin; r < end; ++r) {
    const std::byte* pa = matrix(a, y.shape, r / m, attrs.heads) + r % m * a.stride[row];
    const std::byte* pb = matrix(b, y.shape, r / m, attrs.heads);
    float* py = reinterpret_cast<float*>(y.flat_row(r));
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < length; ++k)
        sum += static_cast<double>(at(pa + k * a.stride[last])) * at(pb + k * step_k + j * step_n);
      py[j] = static_cast<float>(sum);
    }
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(bmm, {"bmm", "reference", Isa::kScalar, 0, nullptr, nullptr, run})
