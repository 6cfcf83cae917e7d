// solve_tri by forward substitution on a block of columns: kRows rows of X at a time take what the rows above
// contribute, then each other's. Work items are (matrix, column block).
#include "backend/cpu/rows.h"
#include "ops/solve_tri/solve_tri.h"

namespace gannet::GANNET_ISA_NS {
namespace {

constexpr int kRows = 4;
constexpr int kVectors = kLanes == 8 ? 2 : 4;  // columns of an item, of 16 and of 32 registers
constexpr int64_t kColumns = kVectors * kLanes;

GANNET_INLINE float* row_at(const TensorView& v, int64_t matrix, int64_t row) {
  return reinterpret_cast<float*>(v.flat_row(matrix * v.shape.dim[v.shape.rank - 2] + row));
}

// kV vectors of columns, of the last one n lanes; kPart when that is not all of them.
template <int kV, bool kPart>
struct Block {
  int64_t n;

  GANNET_INLINE VF get(const float* p, int v) const {
    return kPart && v + 1 == kV ? load_part(p + v * kLanes, n) : load(p + v * kLanes);
  }
  GANNET_INLINE void put(float* p, int v, VF x) const {
    if (kPart && v + 1 == kV)
      store_part(p + v * kLanes, x, n);
    else
      store(p + v * kLanes, x);
  }
};

struct Site {
  const float* l;  // matrices as floats and distances of rows in floats
  const float* b;  // null: the identity
  float* x;
  int64_t l_step, b_step, x_step;
  int64_t n, column;
  bool one;
};

template <int kR, int kV, bool kPart>
GANNET_INLINE void solve_rows(const Site& s, const Block<kV, kPart>& block, int64_t row, int64_t from) {
  VF acc[kR][kV];
  for (int r = 0; r < kR; ++r)
    for (int v = 0; v < kV; ++v) {
      acc[r][v] = splat(0);
      if (s.b != nullptr) acc[r][v] = block.get(s.b + (row + r) * s.b_step + s.column, v);
    }
  if (s.b == nullptr)
    for (int r = 0; r < kR; ++r) {
      const int64_t lane = row + r - s.column;
      if (lane < 0 || lane >= kV * kLanes) continue;
      alignas(64) float unit[kV * kLanes] = {};
      unit[lane] = 1.0f;
      for (int v = 0; v < kV; ++v) acc[r][v] = load(unit + v * kLanes);
    }
  const float* l = s.l + row * s.l_step;
  const float* x = s.x + s.column;
  for (int64_t j = from; j < row; ++j) {
    VF above[kV];
    for (int v = 0; v < kV; ++v) above[v] = block.get(x + j * s.x_step, v);
    for (int r = 0; r < kR; ++r) {
      const VF factor = splat(l[r * s.l_step + j]);
      for (int v = 0; v < kV; ++v) acc[r][v] = fnma(factor, above[v], acc[r][v]);
    }
  }
  for (int r = 0; r < kR; ++r) {
    const float* lr = l + r * s.l_step + row;
    for (int i = 0; i < r; ++i) {
      const VF factor = splat(lr[i]);
      for (int v = 0; v < kV; ++v) acc[r][v] = fnma(factor, acc[i][v], acc[r][v]);
    }
    if (!s.one) {
      const VF diagonal = splat(lr[r]);
      for (int v = 0; v < kV; ++v) acc[r][v] = acc[r][v] / diagonal;
    }
    for (int v = 0; v < kV; ++v) block.put(s.x + (row + r) * s.x_step + s.column, v, acc[r][v]);
  }
}

template <int kV, bool kPart>
void solve(const Site& s, int64_t n_last) {
  const Block<kV, kPart> block{n_last};
  // Columns of the identity stay zero down to their own row.
  const int64_t top = s.b == nullptr ? (s.column < s.n ? s.column : s.n) : 0;
  for (int64_t i = 0; i < top; ++i)
    for (int v = 0; v < kV; ++v) block.put(s.x + i * s.x_step + s.column, v, splat(0));
  int64_t i = top;
  for (; i + kRows <= s.n; i += kRows) solve_rows<kRows, kV, kPart>(s, block, i, top);
  for (; i < s.n; ++i) solve_rows<1, kV, kPart>(s, block, i, top);
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &l = args.operands[0], &b = args.operands[1], &y = args.results[0];
  const int64_t n = l.shape.last(), m = y.shape.last();
  const int64_t matrices = y.shape.rows() / n, blocks = (m + kColumns - 1) / kColumns;
  const int last = y.shape.rank - 1;
  Site s{};
  s.n = n;
  s.one = args.as<SolveTriAttrs>().diagonal == SolveDiagonal::kOne;
  s.l_step = l.stride[last - 1] / int64_t{sizeof(float)};
  s.b_step = b.data == nullptr ? 0 : b.stride[last - 1] / int64_t{sizeof(float)};
  s.x_step = y.stride[last - 1] / int64_t{sizeof(float)};
  const int64_t grain = 65536 / (n * n * kColumns) + 1;
  int64_t begin, end;
  while (worker.claim(matrices * blocks, grain, begin, end))
    for (int64_t item = begin; item < end; ++item) {
      const int64_t matrix = item / blocks;
      s.column = item % blocks * kColumns;
      s.l = row_at(l, matrix, 0);
      s.b = b.data == nullptr ? nullptr : row_at(b, b.shape.rows() == n ? 0 : matrix, 0);
      s.x = row_at(y, matrix, 0);
      const int64_t end_column = m - s.column < kColumns ? m : s.column + kColumns;
      if (end_column - s.column == kColumns) {
        solve<kVectors, false>(s, kLanes);
        continue;
      }
      for (; s.column + kLanes <= end_column; s.column += kLanes) solve<1, false>(s, kLanes);
      if (s.column < end_column) solve<1, true>(s, end_column - s.column);
    }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(solve_tri,
               {"solve_tri", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
