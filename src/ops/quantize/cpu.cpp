#include "backend/cpu/linear/linear.h"
#include "backend/cpu/rows.h"

namespace gannet::GANNET_ISA_NS {
namespace {

constexpr int64_t kPiece = 256;  // elements that one member rounds at a time: a unit of the rounded row

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &q = args.results[0];
  const int64_t n = x.shape.dim[1], pieces = (n + kPiece - 1) / kPiece;
  int64_t i, end;
  share_rows(worker, x.shape.dim[0] * pieces, kPiece, i, end);
  for (; i < end; ++i) {
    const int64_t t = i / pieces, from = i % pieces * kPiece;
    quantize_act_piece(x.f32(t) + from, from, n - from < kPiece ? n - from : kPiece, n, q.flat_row(t));
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(quantize,
               {"quantize", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
