// linear and matmul: the same products, with and without a residual. Rows that must be exact are summed by
// one kernel only, however many there are; which those are of a large step is known when it runs.
#include <algorithm>
#include <vector>

#include "backend/api/kernel_arguments.h"
#include "ops/recorded_products.h"
#include "ops/weight_shaders.h"

namespace gannet {
namespace {

GANNET_WEIGHT_SHADERS(rows_shader, "linear_rows_")
GANNET_WEIGHT_SHADERS(tiles_shader, "linear_tiles_")
GANNET_SHADERS_OF(GANNET_HALF_TYPES, halves_shader, "linear_halves_")
GANNET_SHADERS_OF(GANNET_DOT_TYPES, dots_shader, "linear_dots_")
GANNET_SHADERS_OF(GANNET_BLOCK_TYPES, unpack_shader, "linear_unpack_")

constexpr int kMostWeights = 4;  // of a dispatch
constexpr uint32_t kOutputs = 2, kMostRows = 8;
constexpr int64_t kFewTiles = 256;  // that leave a device without work

int64_t parts(int64_t n, int64_t size) {
  return (n + size - 1) / size;
}

// Types whose shaders keep a table in shared memory, which large tiles fill alone.
bool has_table(DType type) {
  return (type >= DType::kIQ1_S && type <= DType::kIQ4_XS) || type == DType::kMXFP4 || type == DType::kNVFP4;
}

uint32_t aligned(const Products& p) {
  const auto rows_are = [](const TensorView& t) {
    return reinterpret_cast<uintptr_t>(t.data) % 16 == 0 && t.stride[0] % 16 == 0;
  };
  return p.n_in() % kRun == 0 && rows_are(p.x) && (p.up == nullptr || rows_are(*p.up)) ? 1 : 0;
}

// Weights of one type that lie side by side in y.
struct Neighbours {
  std::span<const TensorView> weights;
  int64_t first = 0, n_out = 0;  // outputs

  DType type() const { return weights[0].dtype; }
  bool wide(const Recorder& recorder) const {
    return std::all_of(weights.begin(), weights.end(),
                       [&](const TensorView& w) { return wide_weights(w, recorder); });
  }
};

void add_weights(DispatchArguments& a, const Neighbours& of) {
  for (int i = 0; i < kMostWeights; ++i)
    a.address(of.weights[std::min<size_t>(i, of.weights.size() - 1)].data);
  int64_t end = 0;
  for (size_t i = 0; i < kMostWeights; ++i) {
    if (i < of.weights.size()) end += of.weights[i].shape.dim[0];
    a.u32(end);
  }
}

// As linear.comp has them. `rounded`: instead of x; null: x itself.
DispatchArguments arguments_of(const Products& p, const Neighbours& of, const RoundedRows* rounded) {
  DispatchArguments a;
  const auto address = [&](const TensorView* t, int64_t first) {
    a.address(t == nullptr ? nullptr : t->data + 4 * first);
  };
  // 0 is what says that there is none.
  const auto stride = [&](const TensorView* t) {
    GANNET_CHECK(t == nullptr || t->stride[0] > 0, "rows of a product that lie in one place");
    a.u32(t == nullptr ? 0 : t->stride[0] / 4);
  };
  a.address(rounded == nullptr ? p.x.data : rounded->codes);
  address(&p.y, of.first);
  address(p.residual, of.first);
  a.address(p.rows);
  add_weights(a, of);
  a.u32(p.n_in()).u32(p.n_rows());
  a.u32(rounded == nullptr ? p.x.stride[0] / 4 : 1);
  for (const TensorView* t : {&p.y, p.residual, p.up}) stride(t);
  a.address(rounded != nullptr ? rounded->scales : p.up == nullptr ? nullptr : p.up->data);
  address(p.gate, 0);
  stride(p.gate);
  a.u32(few_rows(p.n_rows()));
  return a;
}

// Neighbours of one type share a dispatch.
template <class Record>
void for_neighbours(std::span<const TensorView> weights, Record record) {
  int64_t first = 0;
  for (size_t begin = 0, end = 0; begin < weights.size(); begin = end) {
    int64_t n_out = 0;
    for (; end < weights.size() && end - begin < kMostWeights && weights[end].dtype == weights[begin].dtype;
         ++end)
      n_out += weights[end].shape.dim[0];
    record(Neighbours{weights.subspan(begin, end - begin), first, n_out});
    first += n_out;
  }
}

}  // namespace

void record_exact_products(const Products& p, std::span<const TensorView> weights, Recorder& recorder) {
  uint32_t rows_at_once = 1;
  while (rows_at_once < kMostRows && rows_at_once < p.n_rows()) rows_at_once *= 2;
  // Half of a group would have nothing to do.
  const uint32_t group = p.n_in() <= 1024 ? kGroup / 2 : kGroup;
  for_neighbours(weights, [&](const Neighbours& of) {
    const auto constants =
        weight_constants({group, rows_at_once, kOutputs, aligned(p), p.up != nullptr}, of.wide(recorder));
    const DispatchArguments a = arguments_of(p, of, nullptr);
    recorder.dispatch({rows_shader(of.type()), constants, groups_of(parts(of.n_out, kOutputs)), a.bytes()});
  });
}

bool has_tiles(Tiles tiles, DType type) {
  switch (tiles) {
    case Tiles::kFloats:
      return true;
    case Tiles::kHalves:
      return halves_shader(type) != nullptr;
    case Tiles::kMatrices:
      return unpack_shader(type) != nullptr;
    case Tiles::kDots:
      return dots_shader(type) != nullptr;
  }
  return false;
}

void record_rounding(const TensorView& x, std::byte* rows, const RoundedRows& to, Recorder& recorder) {
  const bool several = x.shape.rank == 3;
  DispatchArguments a;
  a.address(x.data).address(to.codes).address(to.scales).address(rows);
  a.u32(x.shape.last()).u32(x.shape.dim[0]).u32(several ? x.shape.dim[1] : 1);
  a.u32(x.stride[0] / 4).u32(several ? x.stride[1] / 4 : 0);
  const uint32_t constants[] = {kGroup};
  recorder.dispatch({"round_rows", constants, groups_of(parts(x.shape.elements() / 32, kGroup)), a.bytes()});
}

namespace {

void record_tiles_of(const Neighbours& of, const Products& p, Tiles tiles, const RoundedRows& rounded,
                     Recorder& recorder) {
  const bool floats = tiles == Tiles::kFloats || !has_tiles(tiles, of.type());
  const bool small =
      parts(of.n_out, 64) * parts(p.n_rows(), 64) < kFewTiles || (floats && has_table(of.type()));
  const uint32_t rows = small ? 32 : 64, outputs = floats ? rows : 64;
  const bool dots = !floats && tiles == Tiles::kDots;
  const char* shader = floats ? tiles_shader(of.type())
                       : dots ? dots_shader(of.type())
                              : halves_shader(of.type());
  const auto constants =
      weight_constants({floats ? kGroup : 2 * kGroup, rows, 0, aligned(p)}, of.wide(recorder));
  const DispatchArguments a = arguments_of(p, of, dots ? &rounded : nullptr);
  recorder.dispatch(
      {shader, constants, groups_of(parts(of.n_out, outputs) * parts(p.n_rows(), rows)), a.bytes()});
}

}  // namespace

void record_product_tiles(const Products& p, std::span<const TensorView> weights, Tiles tiles,
                          const RoundedRows& rounded, Recorder& recorder) {
  for_neighbours(weights, [&](const Neighbours& of) { record_tiles_of(of, p, tiles, rounded, recorder); });
}

namespace {

// Both factors of a product as halves (matrices.comp): all rows, and weights in panels of outputs, one of
// which is written while the one before it is multiplied.
struct HalfPanels {
  static constexpr int64_t kTile = 64, kLargeTile = 128;
  static constexpr int64_t kMostBytes = int64_t{16} << 20, kMostOutputs = 8192;  // of a panel
  std::byte* rows;
  int64_t n_in, rows_bytes, outputs;  // outputs: of a panel

  // n_out: of all weights together.
  HalfPanels(std::byte* at, int64_t n_rows, int64_t inputs, int64_t n_out)
      : rows(at),
        n_in(inputs),
        rows_bytes(parts(n_rows, kTile) * kTile * 2 * inputs),
        outputs(std::clamp(kMostBytes / (2 * inputs) / kLargeTile * kLargeTile, kLargeTile,
                           std::min(kMostOutputs, parts(n_out, kLargeTile) * kLargeTile))) {}
  int64_t bytes() const { return rows_bytes + 2 * outputs * 2 * n_in; }
  std::byte* panel(size_t i) const { return rows + rows_bytes + (i % 2 == 0 ? 0 : outputs * 2 * n_in); }
};

struct Panel {
  Neighbours of;
  int64_t first, n_out;  // outputs, of those of the neighbours
};

void record_halving(const Products& p, std::byte* to, Recorder& recorder) {
  DispatchArguments a;
  a.address(p.x.data).address(to).address(p.rows);
  a.u32(p.n_in()).u32(p.n_rows()).u32(p.x.stride[0] / 4);
  const uint32_t constants[] = {kGroup, aligned(p)};
  recorder.dispatch(
      {"halve_rows", constants, groups_of(parts(p.n_rows() * (p.n_in() / 8), kGroup)), a.bytes()});
}

void record_unpacking(const Products& p, const Panel& panel, std::byte* to, Recorder& recorder) {
  constexpr int64_t kEach = 4;  // as unpack.glsl
  DispatchArguments a;
  a.address(to).address(nullptr).address(nullptr).address(p.rows);
  add_weights(a, panel.of);
  a.u32(p.n_in()).u32(panel.n_out).u32(panel.first);
  const auto constants = weight_constants({2 * kGroup}, panel.of.wide(recorder));
  const int64_t groups = parts(panel.n_out * (p.n_in() / 32), 2 * kGroup * kEach);
  recorder.dispatch({unpack_shader(panel.of.type()), constants, groups_of(groups), a.bytes()});
}

void record_multiplying(const Products& p, const Panel& panel, const HalfPanels& halves, const std::byte* w,
                        Recorder& recorder) {
  const MatrixShape shape = recorder.matrix_shape();
  const bool large =
      parts(panel.n_out, HalfPanels::kLargeTile) * parts(p.n_rows(), HalfPanels::kTile) >= kFewTiles / 2;
  const int64_t outputs = large ? HalfPanels::kLargeTile : HalfPanels::kTile;
  const int64_t first = panel.of.first + panel.first;
  DispatchArguments a;
  a.address(halves.rows).address(w).address(p.y.data + 4 * first);
  a.address(p.residual == nullptr ? nullptr : p.residual->data + 4 * first).address(p.rows);
  a.u32(p.n_in()).u32(p.n_rows()).u32(panel.n_out);
  a.u32(p.y.stride[0] / 4).u32(p.residual == nullptr ? 0 : p.residual->stride[0] / 4);
  const uint32_t constants[] = {4 * shape.subgroup,
                                static_cast<uint32_t>(HalfPanels::kTile),
                                static_cast<uint32_t>(outputs),
                                shape.m,
                                shape.n,
                                shape.k};
  const int64_t groups = parts(panel.n_out, outputs) * parts(p.n_rows(), HalfPanels::kTile);
  recorder.dispatch({"matrices", constants, groups_of(groups), a.bytes(), shape.subgroup});
}

// Weights that are not made halves of take tiles of floats.
void record_matrix_tiles(const Products& p, std::span<const TensorView> weights, std::byte* workspace,
                         Recorder& recorder) {
  const HalfPanels halves(workspace, p.n_rows(), p.n_in(), p.y.shape.last());
  std::vector<Panel> panels;
  for_neighbours(weights, [&](const Neighbours& of) {
    if (!has_tiles(Tiles::kMatrices, of.type())) return record_tiles_of(of, p, Tiles::kFloats, {}, recorder);
    for (int64_t at = 0; at < of.n_out; at += halves.outputs)
      panels.push_back({of, at, std::min(halves.outputs, of.n_out - at)});
  });
  if (panels.empty()) return;
  record_halving(p, halves.rows, recorder);
  record_unpacking(p, panels[0], halves.panel(0), recorder);
  for (size_t i = 0; i < panels.size(); ++i) {
    recorder.barrier();
    if (i + 1 < panels.size()) record_unpacking(p, panels[i + 1], halves.panel(i + 1), recorder);
    record_multiplying(p, panels[i], halves, halves.panel(i), recorder);
  }
}

const char* not_taken(const OpSite& site) {
  for (int i = 0; i < site.n_operands; ++i)
    if (const char* why = too_many(site.operands[i])) return why;
  return too_many(site.results[0]);
}

bool few(const OpSite& site) {
  return few_rows(site.operands[0].shape.dim[0]);
}

const char* refuses_rows(const OpSite& site) {
  return few(site) ? not_taken(site) : "more rows than are always exact";
}

const char* refuses_tiles(const OpSite& site) {
  return few(site) ? "fewer rows than are not always exact" : not_taken(site);
}

// The operands of linear and of matmul.
struct Operands {
  Products products;
  std::span<const TensorView> weights;
};
constexpr int kResidual = 2, kFirstWeight = 3;  // of linear

Operands operands_of(const RecordArgs& args, bool linear) {
  Operands o{{.x = args.operands[0], .y = args.results[0], .rows = args.rows}, {args.operands + 1, 1}};
  if (!linear) return o;
  if (args.operands[kResidual].data != nullptr) o.products.residual = &args.operands[kResidual];
  o.weights = {args.operands + kFirstWeight, args.operands + args.n_operands};
  return o;
}

template <bool kLinear>
void record_rows(const RecordArgs& args, Recorder& recorder) {
  const Operands o = operands_of(args, kLinear);
  record_exact_products(o.products, o.weights, recorder);
}

// Few rows are all exact: then there are no tiles.
template <bool kLinear, Tiles kTiles>
void record_tiles(const RecordArgs& args, Recorder& recorder) {
  const Operands o = operands_of(args, kLinear);
  record_exact_products(o.products, o.weights, recorder);
  if (few_rows(o.products.n_rows())) return;
  if (kTiles == Tiles::kMatrices) return record_matrix_tiles(o.products, o.weights, args.workspace, recorder);
  RoundedRows rounded;
  if (kTiles == Tiles::kDots && std::any_of(o.weights.begin(), o.weights.end(), [](const TensorView& w) {
        return has_tiles(Tiles::kDots, w.dtype);
      })) {
    rounded = RoundedRows(args.workspace, o.products.n_rows(), o.products.n_in());
    record_rounding(o.products.x, args.rows, rounded, recorder);
    recorder.barrier();
  }
  record_product_tiles(o.products, o.weights, kTiles, rounded, recorder);
}

int64_t workspace_dots(const OpSite& site, int) {
  const Shape& x = site.operands[0].shape;
  return few(site) ? 0 : RoundedRows::bytes(x.dim[0], x.dim[1]);
}

int64_t workspace_matrices(const OpSite& site, int) {
  const Shape& x = site.operands[0].shape;
  return few(site) ? 0 : HalfPanels(nullptr, x.dim[0], x.dim[1], site.results[0].shape.last()).bytes();
}

// The kernels of one of the two ops.
template <bool kLinear>
struct Kernels {
  static constexpr const char* kOp = kLinear ? "linear" : "matmul";
  static constexpr DeviceKind kVulkan = DeviceKind::kVulkan;
  static constexpr RecordedKernel kRows = {
      kOp, "rows", kVulkan, 0, refuses_rows, nullptr, record_rows<kLinear>};
  static constexpr RecordedKernel kFloats = {
      kOp, "tiles", kVulkan, 0, refuses_tiles, nullptr, record_tiles<kLinear, Tiles::kFloats>};
  static constexpr RecordedKernel kHalves = {
      kOp, "f16", kVulkan, -1, not_taken, nullptr, record_tiles<kLinear, Tiles::kHalves>};
  static constexpr RecordedKernel kMatrixTiles = {kOp,
                                                  "coopmat",
                                                  kVulkan,
                                                  -2,
                                                  not_taken,
                                                  workspace_matrices,
                                                  record_tiles<kLinear, Tiles::kMatrices>,
                                                  kMatrixProducts};
  static constexpr RecordedKernel kDots = {
      kOp, "int_dot", kVulkan, -3, not_taken, workspace_dots, record_tiles<kLinear, Tiles::kDots>, kIntDot};
};
using Linear = Kernels<true>;
using Matmul = Kernels<false>;

}  // namespace

extern const RecordedKernel recorded_linear[] = {Linear::kRows,
                                                 Linear::kFloats,
                                                 Linear::kHalves,
                                                 Linear::kMatrixTiles,
                                                 Linear::kDots,
                                                 Matmul::kRows,
                                                 Matmul::kFloats,
                                                 Matmul::kHalves,
                                                 Matmul::kMatrixTiles,
                                                 Matmul::kDots,
                                                 {}};

}  // namespace gannet
