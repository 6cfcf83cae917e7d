// attention: the parts of all rows' sums, and what joins them (attention.comp). Steps of many rows keep a
// device busy without parts: there a group does all of a row's. That changes no bits.
#include <algorithm>
#include <bit>

#include "backend/api/kv_arguments.h"
#include "ops/attention/attention.h"
#include "ops/recorded_attention.h"

namespace gannet {
namespace {

constexpr int64_t kSplitRows = 64;                     // of a step at most, for its parts to be apart
constexpr int64_t kMostWorkspace = int64_t{32} << 20;  // for parts, which are of so many rows at a time
constexpr int64_t kMostQueryFloats = 4096, kMostQueries = 32;  // of a group, in shared memory
constexpr int64_t kSet = 64, kMostEach = 8;                    // as in tiles.glsl

// Of a row's sums. It depends on sizes of the model only, as a row's bits depend on it: with few KV heads
// there are more, so that one row is work for a whole device.
int64_t part_count(int64_t n_kv_heads) {
  int64_t parts = 128;
  while (parts > 16 && parts * n_kv_heads > 256) parts /= 2;
  return parts;
}

int64_t divided(int64_t n, int64_t size) {
  return (n + size - 1) / size;
}

int64_t power_of_two(int64_t at_least) {
  return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(at_least)));
}

// How the queries of a step are dealt out to groups.
struct Groups {
  int64_t n_rows, n_heads, head_dim, share;  // share: query heads of a KV head
  int64_t parts;
  bool direct;
  int64_t queries, heads;    // of a group, see tiles.glsl
  int64_t rows_at_once;      // of a dispatch
  int64_t bytes_of_row = 0;  // of workspace

  Groups(const Shape& q, int64_t n_kv_heads)
      : n_rows(q.dim[0]), n_heads(q.dim[1]), head_dim(q.dim[2]), share(n_heads / n_kv_heads) {
    parts = part_count(n_kv_heads);
    direct = n_rows > kSplitRows;
    int64_t most = kMostQueries;
    while (most > 4 && most * ((head_dim + 7) / 8 * 8) > kMostQueryFloats) most /= 2;
    heads = divided(share, divided(share, most));
    queries = std::clamp(power_of_two(std::min(n_rows, most / heads) * heads), int64_t{4}, most);
    rows_at_once = n_rows;
    if (direct) return;
    bytes_of_row = n_heads * parts * (head_dim + 2) * int64_t{sizeof(float)};
    // Tiles of rows must not lie across the border.
    rows_at_once = std::min(n_rows, std::max(kMostWorkspace / bytes_of_row / rows(), int64_t{1}) * rows());
  }

  int64_t rows() const { return queries / heads; }  // of a tile

  uint32_t invocations() const {
    return static_cast<uint32_t>(kSet * (queries / std::min(queries, kMostEach)));
  }
};

// Rows of numbers are read 16 bytes at a time; Q8_0 has blocks, which are whole in any row.
bool is_wide(DType type, int64_t offset, int64_t head_dim) {
  return type == DType::kQ8_0 || (offset % 16 == 0 && head_dim % 8 == 0);
}

const char* refuses(const OpSite& site) {
  return refuses_recorded_attention(site.operands[0]);
}

int64_t workspace(const OpSite& site, int) {
  return attention_workspace_bytes(site.operands[0], site.operands[1].shape.dim[1]);
}

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView* o = args.operands;
  const KvView& kv = *o[3].as<KvView>();
  record_kv_append(kv, o[1], o[2], args.step, recorder);
  recorder.barrier();
  record_attention({.q = o[0],
                    .gate = o[4],
                    .y = args.results[0],
                    .kv = kv,
                    .scale = args.as<AttentionAttrs>().scale,
                    .step = args.step,
                    .workspace = args.workspace},
                   recorder);
}

}  // namespace

const char* refuses_recorded_attention(const TensorType& q) {
  if (q.shape.dim[0] > 65535) return "more rows than groups along an axis";
  return q.shape.last() > 512 ? "heads of more than 512" : nullptr;
}

int64_t attention_workspace_bytes(const TensorType& q, int64_t n_kv_heads) {
  const Groups groups(q.shape, n_kv_heads);
  return groups.direct ? 0 : groups.rows_at_once * groups.bytes_of_row;
}

void record_attention(const RecordedAttention& use, Recorder& recorder) {
  const KvView& kv = use.kv;
  const Groups g(use.q.shape, kv.n_kv_heads);
  const bool gated = use.gate.data != nullptr;
  const bool wide =
      is_wide(kv.k_type, kv.k_offset, g.head_dim) && is_wide(kv.v_type, kv.v_offset, g.head_dim);
  const auto head_dim = static_cast<uint32_t>(g.head_dim), parts = static_cast<uint32_t>(g.parts);
  const uint32_t tiles[] = {g.invocations(),
                            head_dim,
                            parts,
                            gated,
                            kv_type_number(kv.k_type),
                            kv_type_number(kv.v_type),
                            wide,
                            static_cast<uint32_t>(kv.page_tokens),
                            static_cast<uint32_t>(g.queries),
                            static_cast<uint32_t>(g.heads),
                            g.direct};
  const uint32_t combine[] = {kGroup, head_dim, parts, gated};
  std::byte* const totals = use.workspace + 4 * g.rows_at_once * g.n_heads * g.parts * g.head_dim;
  constexpr float kLog2e = 1.44269504f;

  for (int64_t row = 0; row < g.n_rows; row += g.rows_at_once) {
    const int64_t n = std::min(g.rows_at_once, g.n_rows - row);
    DispatchArguments arguments;
    arguments.address(use.q.data).address(use.gate.data).address(use.y.data);
    add_kv(arguments.address(use.workspace).address(totals).address(use.step), kv);
    arguments.u32(use.q.stride[0] / 4).u32(use.q.stride[1] / 4);
    arguments.u32(gated ? use.gate.stride[0] / 4 : 0).u32(gated ? use.gate.stride[1] / 4 : 0);
    arguments.u32(g.n_heads).u32(row).u32(n).f32(use.scale * kLog2e);
    if (row > 0) recorder.barrier();
    recorder.dispatch(
        {"attention",
         tiles,
         {g.direct ? 1 : g.parts, kv.n_kv_heads * divided(g.share, g.heads), divided(n, g.rows())},
         arguments.bytes()});
    if (g.direct) continue;
    recorder.barrier();
    recorder.dispatch(
        {"attention_combine", combine, {divided(g.head_dim, kGroup), g.n_heads, n}, arguments.bytes()});
  }
}

extern const RecordedKernel recorded_attention[] = {
    {"attention", "parts", DeviceKind::kVulkan, 0, refuses, workspace, record}, {}};

}  // namespace gannet
