// linear and matmul: the same products, with and without a residual. Rows that must be exact are summed by
// one kernel only, however many there are; which those are of a large step is known when it runs.
#include <algorithm>

#include "backend/api/kernel_arguments.h"
#include "ops/recorded_products.h"
#include "ops/weight_shaders.h"

namespace gannet {
namespace {

GANNET_WEIGHT_SHADERS(rows_shader, "linear_rows_")
GANNET_WEIGHT_SHADERS(tiles_shader, "linear_tiles_")
GANNET_SHADERS_OF(GANNET_HALF_TYPES, halves_shader, "linear_halves_")
GANNET_SHADERS_OF(GANNET_DOT_TYPES, dots_shader, "linear_dots_")

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

// As linear.comp has them. `rounded`: instead of x; null: x itself.
DispatchArguments arguments_of(const Products& p, const Neighbours& of, const RoundedRows* rounded) {
  DispatchArguments a;
  const auto address = [&](const TensorView* t, int64_t first) {
    a.address(t == nullptr ? nullptr : t->data + 4 * first);
  };
  const auto stride = [&](const TensorView* t) { a.u32(t == nullptr ? 0 : t->stride[0] / 4); };
  a.address(rounded == nullptr ? p.x.data : rounded->codes);
  address(&p.y, of.first);
  address(p.residual, of.first);
  a.address(p.rows);
  for (int i = 0; i < kMostWeights; ++i)
    a.address(of.weights[std::min<size_t>(i, of.weights.size() - 1)].data);
  int64_t end = 0;
  for (size_t i = 0; i < kMostWeights; ++i) {
    if (i < of.weights.size()) end += of.weights[i].shape.dim[0];
    a.u32(end);
  }
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
  return tiles == Tiles::kFloats || (tiles == Tiles::kHalves ? halves_shader : dots_shader)(type) != nullptr;
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

void record_product_tiles(const Products& p, std::span<const TensorView> weights, Tiles tiles,
                          const RoundedRows& rounded, Recorder& recorder) {
  for_neighbours(weights, [&](const Neighbours& of) {
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
  });
}

namespace {

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
  static constexpr RecordedKernel kDots = {
      kOp, "int_dot", kVulkan, -2, not_taken, workspace_dots, record_tiles<kLinear, Tiles::kDots>, kIntDot};
};
using Linear = Kernels<true>;
using Matmul = Kernels<false>;

}  // namespace

extern const RecordedKernel recorded_linear[] = {Linear::kRows,   Linear::kFloats, Linear::kHalves,
                                                 Linear::kDots,   Matmul::kRows,   Matmul::kFloats,
                                                 Matmul::kHalves, Matmul::kDots,   {}};

}  // namespace gannet
