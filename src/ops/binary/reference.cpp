#include "backend/api/kernel.h"
#include "ops/binary/binary.h"

namespace gannet {
namespace {

// y = f(a, b) with numpy's broadcasting.
template <class F>
void run(const KernelArgs& args, Worker& worker, HeadShare heads, F f) {
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

void run_add(const KernelArgs& args, Worker& worker) {
  run(args, worker, HeadShare::kSame, [](float a, float b) { return a + b; });
}

void run_sub(const KernelArgs& args, Worker& worker) {
  run(args, worker, HeadShare::kSame, [](float a, float b) { return a - b; });
}

void run_mul(const KernelArgs& args, Worker& worker) {
  run(args, worker, args.as<MulAttrs>().heads, [](float a, float b) { return a * b; });
}

void run_div(const KernelArgs& args, Worker& worker) {
  run(args, worker, HeadShare::kSame, [](float a, float b) { return a / b; });
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(binary, {"add", "reference", Isa::kScalar, 0, nullptr, nullptr, run_add},
               {"sub", "reference", Isa::kScalar, 0, nullptr, nullptr, run_sub},
               {"mul", "reference", Isa::kScalar, 0, nullptr, nullptr, run_mul},
               {"div", "reference", Isa::kScalar, 0, nullptr, nullptr, run_div})
