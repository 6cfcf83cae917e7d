// expert_matmul and routed_experts, which is three of its products and what lies between them. Choices of
// tokens that must be exact are multiplied one by one; of a large step the others are sorted by expert.
#include <algorithm>

#include "backend/api/kernel_arguments.h"
#include "ops/recorded_experts.h"
#include "ops/recorded_products.h"
#include "ops/weight_shaders.h"

namespace gannet {
namespace {

GANNET_WEIGHT_SHADERS(choices_shader, "expert_choices_")
GANNET_WEIGHT_SHADERS(tiles_shader, "expert_tiles_")
GANNET_SHADERS_OF(GANNET_HALF_TYPES, halves_shader, "expert_halves_")
GANNET_SHADERS_OF(GANNET_DOT_TYPES, dots_shader, "expert_dots_")

constexpr uint32_t kOutputs = 2;
constexpr int64_t kTile = 32, kLargeTile = 64;  // choices
constexpr int64_t kListGroup = 256;
constexpr int64_t kMostExperts = 1024;  // that lists are made for
constexpr int64_t kEnoughGroups = 4096;
// As in choices.glsl.
enum What : uint32_t { kProduct, kGateUp, kUp, kWeighted };

int64_t parts(int64_t n, int64_t size) {
  return (n + size - 1) / size;
}

struct Product {
  What what = kProduct;
  const TensorView& x;  // a row per token, or with three axes per choice
  const TensorView& experts;
  const TensorView* weights;  // of the choices; null: they are not summed
  const TensorView& w;
  const TensorView* w_up;  // kGateUp
  int64_t up_row;          // of an expert's matrix: where those of w_up begin
  int64_t n_out;
  std::byte* y;                      // a row per choice, or if they are summed per token
  const TensorView* base = nullptr;  // that sums are added to

  int64_t n_tokens() const { return experts.shape.dim[0]; }
  int64_t top_k() const { return experts.shape.dim[1]; }
  int64_t n_in() const { return w.shape.dim[2]; }
  int64_t x_choice() const { return x.shape.rank == 3 ? x.stride[1] / 4 : 0; }
  bool aligned() const {
    bool all = n_in() % kRun == 0 && reinterpret_cast<uintptr_t>(x.data) % 16 == 0;
    for (int axis = 0; axis + 1 < x.shape.rank; ++axis) all &= x.stride[axis] % 16 == 0;
    return all;
  }
};

bool few(int64_t n_tokens) {
  return few_rows(n_tokens);
}

// How many choices of an expert are multiplied at a time.
uint32_t shared_by(const Product& p) {
  constexpr int64_t kMostChoices = 1024;  // as choices.glsl has room for
  const int64_t n = p.n_tokens();
  if (n == 1 || !few(n) || p.what == kWeighted || n * p.top_k() > kMostChoices) return 1;
  return n == 2 ? 2 : 4;
}

// Of a large step only tokens that must be exact.
void record_choices(const Product& p, std::byte* rows, Recorder& recorder) {
  const bool all = few(p.n_tokens());
  const uint32_t shared = shared_by(p), outputs = shared > 1 && p.what == kGateUp ? 1 : kOutputs;
  const int64_t across = parts(p.n_out, outputs);
  int64_t entries = p.n_tokens() * (p.weights == nullptr ? p.top_k() : 1);
  // Mostly there is none to be done; if there are many, groups go on to the next.
  if (!all) entries = std::min(entries, parts(kEnoughGroups, across));
  const auto address = [](const TensorView* t) { return t == nullptr ? nullptr : t->data; };
  const auto stride = [](const TensorView* t) { return t == nullptr ? 0 : t->stride[0] / 4; };
  DispatchArguments a;
  a.address(p.x.data).address(p.y).address(p.experts.data);
  a.address(address(p.weights)).address(address(p.base)).address(rows);
  a.address(p.w.data).address(address(p.w_up));
  a.u32(p.n_in()).u32(p.n_out).u32(p.n_tokens()).u32(p.top_k()).u32(entries);
  a.u32(p.w.shape.dim[0]).u32(p.w.shape.dim[1]).u32(p.up_row);
  a.u32(p.x.stride[0] / 4).u32(p.x_choice());
  a.u32(p.n_out).u32(stride(&p.experts)).u32(stride(p.weights)).u32(stride(p.base)).u32(all);
  // Half of a group would have nothing to do.
  uint32_t group = p.n_in() <= 1024 ? kGroup / 2 : kGroup;
  if (p.what == kWeighted) group = p.top_k() > 4 ? 2 * kGroup : kGroup;
  const bool wide = wide_weights(p.w, recorder) && (p.w_up == nullptr || wide_weights(*p.w_up, recorder));
  const auto constants = weight_constants({group, outputs, p.aligned(), p.what, shared}, wide);
  recorder.dispatch({choices_shader(p.w.dtype), constants, groups_of(across * entries), a.bytes()});
}

// Who chose each expert, as lists.glsl writes it.
struct Lists {
  std::byte* tiles;
  int64_t tile;  // choices
  int64_t most_tiles, n_choices;

  Lists(const Shape& experts, int64_t n_experts, std::byte* at, bool large)
      : tiles(at),
        tile(large && experts.elements() / n_experts >= kLargeTile * 3 / 2 ? kLargeTile : kTile),
        most_tiles(experts.elements() / tile + std::min(n_experts, experts.elements())),
        n_choices(experts.elements()) {}
  int64_t tile_bytes() const { return (4 + 12 * most_tiles + 63) / 64 * 64; }
  int64_t bytes() const { return tile_bytes() + (4 * n_choices + 63) / 64 * 64; }
  std::byte* list() const { return tiles + tile_bytes(); }

  void record(const TensorView& experts, int64_t n_experts, std::byte* rows, Recorder& recorder) const {
    DispatchArguments a;
    a.address(experts.data).address(tiles).address(list()).address(rows);
    a.u32(experts.shape.dim[0]).u32(experts.shape.dim[1]).u32(n_experts).u32(experts.stride[0] / 4).u32(tile);
    const uint32_t constants[] = {kListGroup};
    recorder.dispatch({"expert_lists", constants, {1, 1, 1}, a.bytes()});
  }
};

// kProduct or kUp. `rounded`: x, for kDots.
void record_tiles(const Product& p, int64_t first_row, const Lists& lists, Tiles tiles,
                  const RoundedRows& rounded, Recorder& recorder) {
  const DType type = p.w.dtype;
  const bool floats = tiles == Tiles::kFloats || !has_tiles(tiles, type);
  const bool dots = !floats && tiles == Tiles::kDots, per_choice = p.x.shape.rank == 3;
  const int64_t outputs = floats ? lists.tile : 64;
  DispatchArguments a;
  a.address(dots ? rounded.codes : p.x.data).address(dots ? rounded.scales : nullptr).address(p.y);
  a.address(lists.tiles).address(lists.list()).address(p.w.data);
  a.u32(p.n_in()).u32(p.n_out).u32(p.top_k()).u32(p.w.shape.dim[1]).u32(first_row);
  if (dots)
    a.u32(per_choice ? p.top_k() : 1).u32(per_choice ? 1 : 0);
  else
    a.u32(p.x.stride[0] / 4).u32(p.x_choice());
  a.u32(p.n_out).u32(p.what == kUp);
  const auto constants =
      weight_constants({floats ? kGroup : 2 * kGroup, static_cast<uint32_t>(lists.tile), p.aligned()},
                       wide_weights(p.w, recorder));
  const char* shader = floats ? tiles_shader(type) : dots ? dots_shader(type) : halves_shader(type);
  recorder.dispatch({shader, constants, groups_of(parts(p.n_out, outputs) * lists.most_tiles), a.bytes()});
}

void record_total(const TensorView& z, const RoutedExperts& of, std::byte* rows, Recorder& recorder) {
  const TensorView &y = of.y, &weights = of.weights;
  DispatchArguments a;
  a.address(z.data).address(y.data).address(weights.data);
  a.address(of.base == nullptr ? nullptr : of.base->data).address(rows);
  a.u32(y.shape.dim[1]).u32(y.shape.dim[0]).u32(weights.shape.dim[1]).u32(weights.stride[0] / 4);
  a.u32(of.base == nullptr ? 0 : of.base->stride[0] / 4);
  const uint32_t constants[] = {kGroup, of.base != nullptr};
  recorder.dispatch({"expert_total", constants, groups_of(parts(y.shape.elements(), kGroup)), a.bytes()});
}

// For so many tokens.
const char* refuses(const OpSite& site, int64_t n_tokens, int64_t n_experts) {
  for (int i = 0; i < site.n_operands; ++i)
    if (const char* why = too_many(site.operands[i])) return why;
  if (!few(n_tokens) && n_experts > kMostExperts)
    return "many tokens and more experts than lists are made for";
  return too_many(site.results[0]);
}

const char* refuses_expert_matmul(const OpSite& site) {
  return refuses(site, site.operands[0].shape.dim[0], site.operands[1].shape.dim[0]);
}

bool takes(Tiles tiles, std::initializer_list<DType> types) {
  return tiles != Tiles::kFloats &&
         std::all_of(types.begin(), types.end(), [&](DType type) { return has_tiles(tiles, type); });
}

// Of rows of x, if it is to be rounded.
int64_t rounded_bytes(Tiles tiles, const Shape& x) {
  return tiles == Tiles::kDots ? RoundedRows::bytes(x.rows(), x.last()) : 0;
}

template <Tiles kTiles>
int64_t workspace_expert_matmul(const OpSite& site, int) {
  const TensorType &x = site.operands[0], &w = site.operands[1], &ids = site.operands[2];
  if (few(x.shape.dim[0])) return 0;
  return rounded_bytes(kTiles, x.shape) +
         Lists(ids.shape, w.shape.dim[0], nullptr, takes(kTiles, {w.dtype})).bytes();
}

template <Tiles kTiles>
void record_expert_matmul(const RecordArgs& args, Recorder& recorder) {
  const TensorView &x = args.operands[0], &w = args.operands[1], &ids = args.operands[2];
  const Product p{kProduct, x, ids, nullptr, w, nullptr, 0, w.shape.dim[1], args.results[0].data};
  record_choices(p, args.rows, recorder);
  if (few(p.n_tokens())) return;
  const bool fast = takes(kTiles, {w.dtype});
  const Lists lists(ids.shape, w.shape.dim[0], args.workspace + rounded_bytes(kTiles, x.shape), fast);
  lists.record(ids, w.shape.dim[0], args.rows, recorder);
  const RoundedRows rounded(args.workspace, x.shape.rows(), p.n_in());
  if (fast && kTiles == Tiles::kDots) record_rounding(x, args.rows, rounded, recorder);
  recorder.barrier();
  record_tiles(p, 0, lists, kTiles, rounded, recorder);
}

// Memory between the products: rows per choice behind gate and up, and for many tokens behind down and lists.
struct Routed {
  Shape hidden, out;
  int64_t n_experts;
  Routed(const Shape& experts, const Shape& down)
      : hidden(experts.dim[0], experts.dim[1], down.dim[2]),
        out(experts.dim[0], experts.dim[1], down.dim[1]),
        n_experts(down.dim[0]) {}
  int64_t hidden_bytes() const { return (4 * hidden.elements() + 63) / 64 * 64; }
  int64_t out_bytes() const { return (4 * out.elements() + 63) / 64 * 64; }
};

}  // namespace

const char* refuses_routed_experts(const OpSite& site, const Shape& experts, const Shape& down) {
  const Routed routed(experts, down);
  for (const Shape& shape : {routed.hidden, routed.out})
    if (const char* why = too_many({DType::kF32, shape})) return why;
  return refuses(site, experts.dim[0], down.dim[0]);
}

int64_t routed_experts_workspace(const OpSite& site, const RoutedPlaces& at, const Shape& experts,
                                 Tiles tiles) {
  const TensorType *o = site.operands, &down = o[at.down];
  const Routed routed(experts, down.shape);
  if (few(experts.dim[0])) return routed.hidden_bytes();
  const DType up = o[o[at.up].shape.rank == 0 ? at.gate : at.up].dtype;
  const bool fast = takes(tiles, {o[at.gate].dtype, up, down.dtype});
  return routed.hidden_bytes() + routed.out_bytes() +
         std::max(rounded_bytes(tiles, o[at.x].shape), rounded_bytes(tiles, routed.hidden)) +
         Lists(experts, routed.n_experts, nullptr, fast).bytes();
}

void record_routed_experts(const RoutedExperts& of, Tiles tiles, std::byte* rows, std::byte* workspace,
                           Recorder& recorder) {
  const TensorView &x = of.x, &experts = of.experts, &gate = of.gate, &down = of.down;
  const bool fused = of.up.data == nullptr;
  const TensorView& up = fused ? gate : of.up;
  const Routed routed(experts.shape, down.shape);
  const TensorView hidden = contiguous_view(workspace, DType::kF32, routed.hidden);
  const int64_t n_ff = routed.hidden.last(), n_embd = routed.out.last(), up_row = fused ? n_ff : 0;
  const bool many = !few(experts.shape.dim[0]), pair = up.dtype == gate.dtype;
  const TensorView out = contiguous_view(workspace + routed.hidden_bytes(), DType::kF32, routed.out);
  // First x lies there, then hidden.
  std::byte* const rounded_at = out.data + routed.out_bytes();
  const RoundedRows rounded_x(rounded_at, x.shape.rows(), x.shape.last());
  const RoundedRows rounded_hidden(rounded_at, hidden.shape.rows(), n_ff);
  const auto round = [&](const TensorView& t, const RoundedRows& to, std::initializer_list<DType> types) {
    if (tiles == Tiles::kDots &&
        std::any_of(types.begin(), types.end(), [](DType type) { return has_tiles(Tiles::kDots, type); }))
      record_rounding(t, rows, to, recorder);
  };
  const Lists lists(experts.shape, routed.n_experts,
                    rounded_at + std::max(rounded_bytes(tiles, x.shape), rounded_bytes(tiles, hidden.shape)),
                    takes(tiles, {gate.dtype, up.dtype, down.dtype}));

  const Product gates{kProduct, x, experts, nullptr, gate, nullptr, 0, n_ff, hidden.data};
  const Product ups{kUp, x, experts, nullptr, up, nullptr, 0, n_ff, hidden.data};
  if (pair)
    record_choices({kGateUp, x, experts, nullptr, gate, &up, up_row, n_ff, hidden.data}, rows, recorder);
  else
    record_choices(gates, rows, recorder);
  if (many) {
    lists.record(experts, routed.n_experts, rows, recorder);
    round(x, rounded_x, {gate.dtype, up.dtype});
    recorder.barrier();
    record_tiles(gates, 0, lists, tiles, rounded_x, recorder);
  }
  if (many || !pair) recorder.barrier();
  if (!pair) record_choices(ups, rows, recorder);
  if (many) record_tiles(ups, up_row, lists, tiles, rounded_x, recorder);
  recorder.barrier();
  record_choices({kWeighted, hidden, experts, &of.weights, down, nullptr, 0, n_embd, of.y.data, of.base},
                 rows, recorder);
  if (!many) return;
  if (tiles == Tiles::kDots) {
    round(hidden, rounded_hidden, {down.dtype});
    recorder.barrier();
  }
  record_tiles({kProduct, hidden, experts, nullptr, down, nullptr, 0, n_embd, out.data}, 0, lists, tiles,
               rounded_hidden, recorder);
  recorder.barrier();
  record_total(out, of, rows, recorder);
}

namespace {

const char* refuses_routed(const OpSite& site) {
  return refuses_routed_experts(site, site.operands[1].shape, site.operands[5].shape);
}

template <Tiles kTiles>
int64_t workspace_routed(const OpSite& site, int) {
  return routed_experts_workspace(site, {.x = 0, .gate = 3, .up = 4, .down = 5}, site.operands[1].shape,
                                  kTiles);
}

template <Tiles kTiles>
void record_routed(const RecordArgs& args, Recorder& recorder) {
  const TensorView* o = args.operands;
  record_routed_experts({.x = o[0],
                         .experts = o[1],
                         .weights = o[2],
                         .gate = o[3],
                         .up = o[4],
                         .down = o[5],
                         .y = args.results[0],
                         .base = nullptr},
                        kTiles, args.rows, args.workspace, recorder);
}

template <Tiles kTiles>
constexpr RecordedKernel expert_matmul_kernel(const char* name, int priority, uint32_t needs = 0) {
  return {"expert_matmul",
          name,
          DeviceKind::kVulkan,
          priority,
          refuses_expert_matmul,
          workspace_expert_matmul<kTiles>,
          record_expert_matmul<kTiles>,
          needs};
}

template <Tiles kTiles>
constexpr RecordedKernel routed_kernel(const char* name, int priority, uint32_t needs = 0) {
  return {
      "routed_experts",      name, DeviceKind::kVulkan, priority, refuses_routed, workspace_routed<kTiles>,
      record_routed<kTiles>, needs};
}

}  // namespace

extern const RecordedKernel recorded_expert_matmul[] = {
    expert_matmul_kernel<Tiles::kFloats>("choices", 0),
    expert_matmul_kernel<Tiles::kHalves>("f16", -1),
    expert_matmul_kernel<Tiles::kDots>("int_dot", -2, kIntDot),
    routed_kernel<Tiles::kFloats>("choices", 0),
    routed_kernel<Tiles::kHalves>("f16", -1),
    routed_kernel<Tiles::kDots>("int_dot", -2, kIntDot),
    {}};

}  // namespace gannet
