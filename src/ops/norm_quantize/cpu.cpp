// Members take pieces of rows; a member sums the squares of the whole row for each row that it has a piece
// of, which is cheaper than waiting for a sum that others would contribute to, and gives every member the
// same sum.
#include "backend/cpu/linear/linear.h"
#include "backend/cpu/rows.h"
#include "ops/norm_quantize/norm_quantize.h"

namespace gannet::GANNET_ISA_NS {
namespace {

constexpr int64_t kPiece = 256;

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &y = args.results[0], &q = args.results[1];
  const float* w = args.operands[1].as<float>();
  const float eps = args.as<NormQuantizeAttrs>().eps;
  const int64_t n = x.shape.dim[1], pieces = (n + kPiece - 1) / kPiece;
  int64_t i, end;
  share_rows(worker, x.shape.dim[0] * pieces, kPiece, i, end);
  while (i < end) {
    const int64_t t = i / pieces, first = i % pieces;
    const int64_t last = end - t * pieces < pieces ? end - t * pieces : pieces;
    const int64_t from = first * kPiece, to = last * kPiece < n ? last * kPiece : n;
    const float mean = sum_of_squares(x.f32(t), n) / static_cast<float>(n);
    const VF scale = splat(1.0f / __builtin_sqrtf(mean + eps));
    float* out = y.f32(t) + from;
    map_row(x.f32(t) + from, w + from, out, to - from,
            [&](VF v, VF weight) GANNET_LAMBDA { return v * scale * weight; });
    quantize_act_piece(out, from, to - from, n, q.flat_row(t));
    i += last - first;
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(norm_quantize,
               {"norm_quantize", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
