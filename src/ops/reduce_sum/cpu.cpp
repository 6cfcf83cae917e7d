#include "backend/cpu/rows.h"
#include "ops/reduce_sum/reduce_sum.h"

namespace gannet::GANNET_ISA_NS {
namespace {

// Four sums per lane, as in sum_of_squares.
GANNET_INLINE float sum_of_row(const float* x, int64_t n) {
  VF s0 = splat(0), s1 = splat(0), s2 = splat(0), s3 = splat(0);
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    s0 = s0 + load(x + i);
    s1 = s1 + load(x + i + kLanes);
    s2 = s2 + load(x + i + 2 * kLanes);
    s3 = s3 + load(x + i + 3 * kLanes);
  }
  for (; i + kLanes <= n; i += kLanes) s0 = s0 + load(x + i);
  if (i < n) s1 = s1 + load_part(x + i, n - i);
  return reduce_add((s0 + s1) + (s2 + s3));
}

// Adds up `rows` rows in columns [0, n): vectors of columns stay in registers.
GANNET_INLINE void add_rows(const std::byte* x, int64_t step, int64_t rows, float* y, int64_t n) {
  constexpr int kWide = 8;
  const auto at = [&](int64_t row, int64_t column)
                      GANNET_LAMBDA { return reinterpret_cast<const float*>(x + row * step) + column; };
  int64_t i = 0;
  for (; i + kWide * kLanes <= n; i += kWide * kLanes) {
    VF sum[kWide];
    for (int v = 0; v < kWide; ++v) sum[v] = load(at(0, i + v * kLanes));
    for (int64_t row = 1; row < rows; ++row)
      for (int v = 0; v < kWide; ++v) sum[v] = sum[v] + load(at(row, i + v * kLanes));
    for (int v = 0; v < kWide; ++v) store(y + i + v * kLanes, sum[v]);
  }
  for (; i + kLanes <= n; i += kLanes) {
    VF sum = load(at(0, i));
    for (int64_t row = 1; row < rows; ++row) sum = sum + load(at(row, i));
    store(y + i, sum);
  }
  if (i < n) {
    VF sum = load_part(at(0, i), n - i);
    for (int64_t row = 1; row < rows; ++row) sum = sum + load_part(at(row, i), n - i);
    store_part(y + i, sum, n - i);
  }
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  const int64_t axis = args.as<ReduceSumAttrs>().axis, length = x.shape.dim[axis], n = x.shape.last();
  int64_t begin, end;
  if (axis == x.shape.rank - 1) {
    share_rows(worker, y.shape.rows(), n, begin, end);
    RowWalk from(x, begin), to(y, begin);
    for (; begin < end; ++begin, from.next(), to.next()) *to.row() = sum_of_row(from.row(), n);
    return;
  }
  // Blocks of columns of each result row; the operand's rows of one result row are a step along the axis
  // apart.
  constexpr int64_t kColumns = 128;
  TensorView first = x;
  first.shape.dim[axis] = 1;
  const int64_t blocks = (n + kColumns - 1) / kColumns;
  share_rows(worker, y.shape.rows() * blocks, length * (n / blocks), begin, end);
  RowWalk from(first, begin / blocks), to(y, begin / blocks);
  for (int64_t block = begin % blocks; begin < end; ++begin) {
    const int64_t column = block * kColumns;
    add_rows(reinterpret_cast<const std::byte*>(from.row() + column), x.stride[axis], length,
             to.row() + column, n - column < kColumns ? n - column : kColumns);
    if (++block < blocks) continue;
    block = 0;
    from.next();
    to.next();
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(reduce_sum,
               {"reduce_sum", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
