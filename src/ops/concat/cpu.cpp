#include "backend/cpu/strided_copy.h"
#include "ops/concat/concat.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView& y = args.results[0];
  const int64_t axis = args.as<ConcatAttrs>().axis;
  // The member's share of all elements, so that many small operands are split as well as one large one.
  int64_t begin, end, before = 0;
  share_rows(worker, y.shape.elements(), 1, begin, end);
  TensorView part = y;
  for (int i = 0; i < args.n_operands; ++i) {
    const TensorView& x = args.operands[i];
    const int64_t n = x.shape.elements();
    const int64_t from = begin < before ? 0 : begin - before, to = end - before < n ? end - before : n;
    part.shape = x.shape;
    if (from < to) {
      const StridedCopy copy(part, x);
      const int64_t pieces = copy.pieces();
      copy.run(from * pieces / n, to * pieces / n);
    }
    part.data += x.shape.dim[axis] * y.stride[axis];
    before += n;
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(concat, {"concat", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
