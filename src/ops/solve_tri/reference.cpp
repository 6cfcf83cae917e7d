#include "backend/api/kernel.h"
#include "ops/solve_tri/solve_tri.h"

namespace gannet {
namespace {

// Per member: one column of X.
int64_t workspace(const OpSite& site, int n_threads) {
  return n_threads * site.operands[0].shape.last() * int64_t{sizeof(double)};
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &l = args.operands[0], &b = args.operands[1], &y = args.results[0];
  const bool one = args.as<SolveTriAttrs>().diagonal == SolveDiagonal::kOne;
  const int64_t n = l.shape.last(), m = y.shape.last(), batch = y.shape.rows() / n;
  double* x = reinterpret_cast<double*>(args.workspace) + worker.index() * n;
  const auto row = [](const TensorView& v, int64_t r) { return reinterpret_cast<float*>(v.flat_row(r)); };
  int64_t begin, end;
  worker.share(batch * m, 1, begin, end);
  for (int64_t item = begin; item < end; ++item) {
    const int64_t first = item / m * n, column = item % m;
    const int64_t b_first = b.data == nullptr || b.shape.rows() == n ? 0 : first;
    for (int64_t i = 0; i < n; ++i) {
      const float* li = row(l, first + i);
      double sum = b.data == nullptr ? (i == column ? 1.0 : 0.0) : row(b, b_first + i)[column];
      for (int64_t j = 0; j < i; ++j) sum -= li[j] * x[j];
      x[i] = one ? sum : sum / li[i];
      row(y, first + i)[column] = static_cast<float>(x[i]);
    }
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(solve_tri, {"solve_tri", "reference", Isa::kScalar, 0, nullptr, workspace, run})
