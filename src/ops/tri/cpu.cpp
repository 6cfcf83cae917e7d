#include "backend/cpu/rows.h"
#include "ops/tri/tri.h"

namespace gannet::GANNET_ISA_NS {
namespace {

void run(const KernelArgs& args, Worker& worker) {
  const TensorView& y = args.results[0];
  const int64_t n = y.shape.dim[y.shape.rank - 2], m = y.shape.last();
  const int64_t first = args.as<TriAttrs>().keep == TriKeep::kLower ? 1 : 0;  // kept of a matrix's first row
  int64_t row, end;
  share_rows(worker, y.shape.rows(), m, row, end);
  RowWalk x(args.operands[0], row), out(y, row);
  for (int64_t i = row % n; row < end; ++row, x.next(), out.next(), i = i + 1 == n ? 0 : i + 1) {
    const int64_t kept = i + first < m ? i + first : m;
    map_row(x.row(), out.row(), kept, [](VF v) GANNET_LAMBDA { return v; });
    fill_row(out.row() + kept, m - kept, 0);
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(tri, {"tri", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
