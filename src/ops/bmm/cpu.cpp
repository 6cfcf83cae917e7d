// bmm on the CPU. The unit is an entry of b with all rows of a that it is multiplied with (several heads
// where b is shared), so that b is packed or read once for all of them. For many rows, panels of b's columns
// are packed side by side and meet tiles of rows; for few, b is read where it lies.
#include "backend/api/kernel.h"
#include "ops/bmm/bmm.h"
#include "ops/bmm/products.h"

namespace gannet::GANNET_ISA_NS {
namespace {

constexpr int64_t kFewRows = 8;            // of a head; above: packing pays
constexpr int64_t kLeastProducts = 65536;  // of a claim: less is not worth a member's attention

struct Job {
  const TensorView *a, *b, *y;
  bool rows;  // b holds rows
  HeadShare heads;
  int64_t m, n, length;
  int64_t outer, inner;  // entries of b: axis 0 and axis 1 of the leading axes (1 where absent)
  int64_t few, share;    // a has `share` times as many entries on axis 0 as b, or b `share` times a's
  bool a_many;
  int64_t n_rows;  // of a that meet one entry of b

  GANNET_INLINE static int64_t axis_step(const TensorView& v, int axis) {
    return axis < v.shape.rank - 2 ? v.stride[axis] : 0;
  }
  GANNET_INLINE const std::byte* entry(int64_t e) const {
    return b->data + e / inner * axis_step(*b, 0) + e % inner * axis_step(*b, 1);
  }
  // Rows [row, row + n) that meet entry e of b.
  GANNET_INLINE void tile(int64_t e, int64_t row, int64_t n_tile, RowTile& out) const {
    const int last = y->shape.rank - 1;
    out.step = a->stride[last];
    for (int64_t i = 0; i < n_tile; ++i) {
      const int64_t head = (row + i) / m, r = (row + i) % m, e0 = e / inner, e1 = e % inner;
      const bool tiled = heads == HeadShare::kTiled;
      const int64_t many = tiled ? head * few + e0 : e0 * share + head;
      const int64_t y0 = a_many ? many : e0, a0 = a_many ? many : tiled ? e0 % few : e0 / share;
      out.a[i] = a->data + a0 * axis_step(*a, 0) + e1 * axis_step(*a, 1) + r * a->stride[last - 1];
      out.y[i] = reinterpret_cast<float*>(y->data + y0 * axis_step(*y, 0) + e1 * axis_step(*y, 1) +
                                          r * y->stride[last - 1]);
    }
  }
};

Job make_job(const KernelArgs& args) {
  Job j{};
  j.a = &args.operands[0];
  j.b = &args.operands[1];
  j.y = &args.results[0];
  const auto& attrs = args.as<BmmAttrs>();
  j.rows = attrs.b == BmmSide::kRows;
  j.heads = attrs.heads;
  const int rank = j.y->shape.rank;
  j.m = j.y->shape.dim[rank - 2];
  j.n = j.y->shape.dim[rank - 1];
  j.length = j.a->shape.dim[rank - 1];
  j.outer = rank > 2 ? j.b->shape.dim[0] : 1;
  j.inner = rank > 3 ? j.b->shape.dim[1] : 1;
  const int64_t a_outer = rank > 2 ? j.a->shape.dim[0] : 1;
  j.a_many = a_outer > j.outer;
  j.few = j.a_many ? j.outer : a_outer;
  j.share = j.a_many ? a_outer / j.outer : j.outer / a_outer;
  j.n_rows = j.a_many ? j.m * j.share : j.m;
  return j;
}

int64_t workspace(const OpSite&, int n_threads) {
  return n_threads * kSlab * kPanel * int64_t{sizeof(float)};
}

template <int kT>
GANNET_INLINE void few_rows(const Job& j, const RowTile& tile, int64_t e, int64_t column, int64_t end) {
  if (j.rows)
    dots<kT>(tile, j.length, j.entry(e), j.b->stride[j.b->shape.rank - 2], column, end);
  else
    direct_columns<kT>(tile, j.length, j.entry(e), j.b->stride[j.b->shape.rank - 2], column, end);
}

// All rows, columns [column, end) of entry e.
void few(const Job& j, int64_t e, int64_t column, int64_t end) {
  for (int64_t row = 0; row < j.n_rows; row += 4) {
    const int64_t n = j.n_rows - row < 4 ? j.n_rows - row : 4;
    RowTile tile;
    j.tile(e, row, n, tile);
    switch (n) {
      case 1:
        few_rows<1>(j, tile, e, column, end);
        break;
      case 2:
        few_rows<2>(j, tile, e, column, end);
        break;
      case 3:
        few_rows<3>(j, tile, e, column, end);
        break;
      default:
        few_rows<4>(j, tile, e, column, end);
        break;
    }
  }
}

// Rows [row, row_end), columns [column, end) of entry e.
void many(const Job& j, int64_t e, int64_t row, int64_t row_end, int64_t column, int64_t end, float* panel) {
  const std::byte* b = j.entry(e);
  const int64_t stride = j.b->stride[j.b->shape.rank - 2];
  for (int64_t first = 0; first < j.length; first += kSlab) {
    const int64_t count = j.length - first < kSlab ? j.length - first : kSlab;
    for (int64_t c = column; c < end; c += kPanel) {
      const int64_t n = end - c < kPanel ? end - c : kPanel;
      if (j.rows)
        pack_rows(b + c * stride, stride, n, first, count, panel);
      else
        pack_columns(b + c * int64_t{sizeof(float)}, stride, n, first, count, panel);
      for (int64_t r = row; r < row_end;) {
        const int64_t left = row_end - r;
        // Two even tiles instead of a full one and a poor one.
        const int64_t now = left >= 2 * kTile ? kTile : left <= kTile ? left : (left + 1) / 2;
        RowTile tile;
        j.tile(e, r, now, tile);
        packed_columns(tile, static_cast<int>(now), first, count, panel, c, n);
        r += now;
      }
    }
  }
}

void run(const KernelArgs& args, Worker& worker) {
  const Job j = make_job(args);
  const int64_t entries = j.outer * j.inner, wanted = worker.count() > 1 ? 4 * worker.count() : 1;
  // Decided by the rows of one head, not of all that share b: the two ways sum in different orders, and a
  // product must not change when its operand is shared instead of repeated.
  const bool is_few =
      j.m <= kFewRows && (!j.rows || j.a->stride[j.a->shape.rank - 1] == int64_t{sizeof(float)});
  // Work items: an entry of b, a range of columns, and only if that is not enough a range of rows.
  const int64_t unit = is_few ? 4 * kLanes : kPanel, units = (j.n + unit - 1) / unit;
  int64_t column_items = (wanted + entries - 1) / entries;
  column_items = column_items < units ? column_items : units;
  const int64_t columns = (units + column_items - 1) / column_items * unit;
  column_items = (j.n + columns - 1) / columns;
  int64_t row_items = is_few ? 1 : (wanted + entries * column_items - 1) / (entries * column_items);
  const int64_t most = j.n_rows / 48 > 1 ? j.n_rows / 48 : 1;  // or packing the same panel again shows
  row_items = row_items < most ? row_items : most;
  const int64_t rows = ((j.n_rows + row_items - 1) / row_items + kTile - 1) / kTile * kTile;
  row_items = (j.n_rows + rows - 1) / rows;

  const int64_t per_entry = column_items * row_items, products = j.n_rows * j.n * j.length / per_entry;
  const int64_t grain = products >= kLeastProducts ? 1 : kLeastProducts / (products < 1 ? 1 : products);
  float* panel = reinterpret_cast<float*>(args.workspace) + worker.index() * kSlab * kPanel;
  int64_t begin, end;
  while (worker.claim(entries * per_entry, grain, begin, end))
    for (int64_t item = begin; item < end; ++item) {
      const int64_t e = item / per_entry, column = item % per_entry / row_items * columns,
                    row = item % row_items * rows;
      const int64_t column_end = j.n - column < columns ? j.n : column + columns;
      if (is_few)
        few(j, e, column, column_end);
      else
        many(j, e, row, j.n_rows - row < rows ? j.n_rows : row + rows, column, column_end, panel);
    }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(bmm, {"bmm", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, GANNET_ISA_NS::workspace,
                     GANNET_ISA_NS::run})
