// expert_matmul and routed_experts, which is three of its products and what lies between them. Choices of
// tokens that must be exact are multiplied one by one; of a large step the others are sorted by expert.
#include <algorithm>

#include "backend/api/kernel_arguments.h"
#include "ops/weight_shaders.h"

namespace gannet {
namespace {

GANNET_WEIGHT_SHADERS(choices_shader, "expert_choices_")
GANNET_WEIGHT_SHADERS(tiles_shader, "expert_tiles_")

constexpr uint32_t kOutputs = 2, kTile = 32;
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
  std::byte* y;  // a row per choice, or if they are summed per token

  int64_t n_tokens() const { return experts.shape.dim[0]; }
  int64_t top_k() const { return experts.shape.dim[1]; }
  int64_t n_in() const { return w.shape.dim[2]; }
  int64_t x_choice() const { return x.shape.rank == 3 ? x.stride[1] / 4 : 0; }
  bool aligned() const {
    bool all = reinterpret_cast<uintptr_t>(x.data) % 16 == 0;
    for (int axis = 0; axis + 1 < x.shape.rank; ++axis) all &= x.stride[axis] % 16 == 0;
    return all;
  }
};

bool few(int64_t n_tokens) {
  return n_tokens <= kExactRows;
}

// Of a large step only tokens that must be exact.
void record_choices(const Product& p, std::byte* rows, Recorder& recorder) {
  const bool all = few(p.n_tokens());
  const int64_t across = parts(p.n_out, kOutputs);
  int64_t entries = p.n_tokens() * (p.weights == nullptr ? p.top_k() : 1);
  // Mostly there is none to be done; if there are many, groups go on to the next.
  if (!all) entries = std::min(entries, parts(kEnoughGroups, across));
  DispatchArguments a;
  a.address(p.x.data).address(p.y).address(p.experts.data);
  a.address(p.weights == nullptr ? nullptr : p.weights->data).address(rows);
  a.address(p.w.data).address(p.w_up == nullptr ? nullptr : p.w_up->data);
  a.u32(p.n_in()).u32(p.n_out).u32(p.n_tokens()).u32(p.top_k()).u32(entries);
  a.u32(p.w.shape.dim[0]).u32(p.w.shape.dim[1]).u32(p.up_row);
  a.u32(p.x.stride[0] / 4).u32(p.x_choice());
  a.u32(p.n_out).u32(p.experts.stride[0] / 4).u32(p.weights == nullptr ? 0 : p.weights->stride[0] / 4);
  // Half of a group would have nothing to do.
  const uint32_t group = p.n_in() <= 1024 ? kGroup / 2 : kGroup;
  const bool wide = wide_weights(p.w) && (p.w_up == nullptr || wide_weights(*p.w_up));
  const auto constants = weight_constants({group, kOutputs, p.aligned(), p.what, all}, wide);
  recorder.dispatch({choices_shader(p.w.dtype), constants, groups_of(across * entries), a.bytes()});
}

// Who chose each expert, as lists.glsl writes it.
struct Lists {
  std::byte* tiles;
  int64_t most_tiles, n_choices;

  Lists(const Shape& experts, int64_t n_experts, std::byte* at)
      : tiles(at),
        most_tiles(experts.elements() / kTile + std::min(n_experts, experts.elements())),
        n_choices(experts.elements()) {}
  int64_t tile_bytes() const { return (4 + 12 * most_tiles + 63) / 64 * 64; }
  int64_t bytes() const { return tile_bytes() + (4 * n_choices + 63) / 64 * 64; }
  std::byte* list() const { return tiles + tile_bytes(); }

  void record(const TensorView& experts, int64_t n_experts, std::byte* rows, Recorder& recorder) const {
    DispatchArguments a;
    a.address(experts.data).address(tiles).address(list()).address(rows);
    a.u32(experts.shape.dim[0])
        .u32(experts.shape.dim[1])
        .u32(n_experts)
        .u32(experts.stride[0] / 4)
        .u32(kTile);
    const uint32_t constants[] = {kListGroup};
    recorder.dispatch({"expert_lists", constants, {1, 1, 1}, a.bytes()});
  }
};

// kProduct or kUp.
void record_tiles(const Product& p, int64_t first_row, const Lists& lists, Recorder& recorder) {
  DispatchArguments a;
  a.address(p.x.data).address(p.y).address(lists.tiles).address(lists.list()).address(p.w.data);
  a.u32(p.n_in()).u32(p.n_out).u32(p.top_k()).u32(p.w.shape.dim[1]).u32(first_row);
  a.u32(p.x.stride[0] / 4).u32(p.x_choice()).u32(p.n_out);
  const auto constants = weight_constants({kGroup, kTile, p.aligned(), p.what == kUp}, wide_weights(p.w));
  recorder.dispatch(
      {tiles_shader(p.w.dtype), constants, groups_of(parts(p.n_out, kTile) * lists.most_tiles), a.bytes()});
}

void record_total(const TensorView& z, const TensorView& weights, const TensorView& y, std::byte* rows,
                  Recorder& recorder) {
  DispatchArguments a;
  a.address(z.data).address(y.data).address(weights.data).address(rows);
  a.u32(y.shape.dim[1]).u32(y.shape.dim[0]).u32(weights.shape.dim[1]).u32(weights.stride[0] / 4);
  const uint32_t constants[] = {kGroup};
  recorder.dispatch({"expert_total", constants, groups_of(parts(y.shape.elements(), kGroup)), a.bytes()});
}

const char* refuses(const OpSite& site, const TensorType& w) {
  for (int i = 0; i < site.n_operands; ++i)
    if (const char* why = too_many(site.operands[i])) return why;
  if (!few(site.operands[0].shape.dim[0]) && w.shape.dim[0] > kMostExperts)
    return "many tokens and more experts than lists are made for";
  return too_many(site.results[0]);
}

const char* refuses_expert_matmul(const OpSite& site) {
  return refuses(site, site.operands[1]);
}

int64_t workspace_expert_matmul(const OpSite& site, int) {
  const Shape& ids = site.operands[2].shape;
  return few(ids.dim[0]) ? 0 : Lists(ids, site.operands[1].shape.dim[0], nullptr).bytes();
}

void record_expert_matmul(const RecordArgs& args, Recorder& recorder) {
  const TensorView &x = args.operands[0], &w = args.operands[1], &ids = args.operands[2];
  const Product p{kProduct, x, ids, nullptr, w, nullptr, 0, w.shape.dim[1], args.results[0].data};
  record_choices(p, args.rows, recorder);
  if (few(p.n_tokens())) return;
  const Lists lists(ids.shape, w.shape.dim[0], args.workspace);
  lists.record(ids, w.shape.dim[0], args.rows, recorder);
  recorder.barrier();
  record_tiles(p, 0, lists, recorder);
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

const char* refuses_routed(const OpSite& site) {
  const Shape &experts = site.operands[1].shape, &down = site.operands[5].shape;
  const Routed routed(experts, down);
  for (const Shape& shape : {routed.hidden, routed.out})
    if (const char* why = too_many({DType::kF32, shape})) return why;
  return refuses(site, site.operands[5]);
}

int64_t workspace_routed(const OpSite& site, int) {
  const Shape& experts = site.operands[1].shape;
  const Routed routed(experts, site.operands[5].shape);
  if (few(experts.dim[0])) return routed.hidden_bytes();
  return routed.hidden_bytes() + routed.out_bytes() + Lists(experts, routed.n_experts, nullptr).bytes();
}

void record_routed(const RecordArgs& args, Recorder& recorder) {
  const TensorView &x = args.operands[0], &experts = args.operands[1], &weights = args.operands[2];
  const TensorView &gate = args.operands[3], &down = args.operands[5], &y = args.results[0];
  const bool fused = args.operands[4].data == nullptr;
  const TensorView& up = fused ? gate : args.operands[4];
  const Routed routed(experts.shape, down.shape);
  const TensorView hidden = contiguous_view(args.workspace, DType::kF32, routed.hidden);
  const int64_t n_ff = routed.hidden.last(), n_embd = routed.out.last(), up_row = fused ? n_ff : 0;
  const bool many = !few(experts.shape.dim[0]), pair = up.dtype == gate.dtype;
  const TensorView out = contiguous_view(args.workspace + routed.hidden_bytes(), DType::kF32, routed.out);
  const Lists lists(experts.shape, routed.n_experts, out.data + routed.out_bytes());

  const Product gates{kProduct, x, experts, nullptr, gate, nullptr, 0, n_ff, hidden.data};
  const Product ups{kUp, x, experts, nullptr, up, nullptr, 0, n_ff, hidden.data};
  if (pair)
    record_choices({kGateUp, x, experts, nullptr, gate, &up, up_row, n_ff, hidden.data}, args.rows, recorder);
  else
    record_choices(gates, args.rows, recorder);
  if (many) {
    lists.record(experts, routed.n_experts, args.rows, recorder);
    recorder.barrier();
    record_tiles(gates, 0, lists, recorder);
  }
  recorder.barrier();
  if (!pair) record_choices(ups, args.rows, recorder);
  if (many) record_tiles(ups, up_row, lists, recorder);
  recorder.barrier();
  record_choices({kWeighted, hidden, experts, &weights, down, nullptr, 0, n_embd, y.data}, args.rows,
                 recorder);
  if (!many) return;
  record_tiles({kProduct, hidden, experts, nullptr, down, nullptr, 0, n_embd, out.data}, 0, lists, recorder);
  recorder.barrier();
  record_total(out, weights, y, args.rows, recorder);
}

}  // namespace

extern const RecordedKernel recorded_expert_matmul[] = {
    {"expert_matmul", "choices", DeviceKind::kVulkan, 0, refuses_expert_matmul, workspace_expert_matmul,
     record_expert_matmul},
    {"routed_experts", "choices", DeviceKind::kVulkan, 0, refuses_routed, workspace_routed, record_routed},
    {}};

}  // namespace gannet
