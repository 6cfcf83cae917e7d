// routed_experts on the CPU, in two phases with one barrier pair between them:
//   1  work items (expert, rows of gate and up): both products for all tokens of the expert, silu(gate) * up,
//   and its
//      rounding to 8 bits where the down matrix wants it;
//   2  work items (rows of down): all experts in turn, added with the router's weights to the columns of y
//   that belong
//      to the item. No two items write the same value, and the order of additions is by expert: results do
//      not depend on the number of threads.
// Every expert's weights are read once per phase, for one token and for many. The arithmetic is in
// backend/cpu/linear.
#include "backend/api/kernel.h"
#include "backend/cpu/linear/linear.h"
#include "backend/cpu/vec.h"
#include "base/check.h"

namespace gannet::GANNET_ISA_NS {
namespace {

// Rounding so few activations again in every member is cheaper than a barrier.
constexpr int64_t kRoundAlone = 8192;
constexpr int64_t kMostRows = 256, kPanelRows = 64;  // rows of a work item: for few tokens and for many

struct Sizes {
  int64_t n_tokens, top_k, pairs, n_embd, n_ff, n_experts;
  bool round_x, round_hidden;
  int64_t item_rows;  // the most rows of a work item
};

Sizes sizes(const Shape& x, const Shape& experts, const Shape& down, bool round_x, bool round_hidden) {
  Sizes s{x.dim[0],    experts.dim[1], experts.elements(), x.dim[1], down.dim[2],
          down.dim[0], round_x,        round_hidden,       0};
  s.item_rows = s.n_tokens <= 8 ? kMostRows : kPanelRows;
  return s;
}

// Byte offsets in the workspace. Common to all: rounded x, hidden values, rounded hidden values. Then per
// member: its own rounded x (when that is little), the list of pairs by expert, pointers, a result tile,
// scratch of the products.
struct Layout {
  int64_t x_acts, hidden, hidden_acts, members, member_bytes;
  int64_t own_x_acts, firsts, order, x_rows, hidden_rows, hidden_ptrs, tile_ptrs, tile, scratch;
  bool own_x;
  int64_t total;
};

Layout layout(const Sizes& s, int n_threads) {
  Layout l{};
  const auto place = [](int64_t& cursor, int64_t bytes) {
    const int64_t at = cursor;
    cursor += (bytes + 63) / 64 * 64;
    return at;
  };
  const int64_t x_bytes = s.round_x ? s.n_tokens * act_bytes(s.n_embd) : 0;
  l.own_x = s.n_tokens * s.n_embd <= kRoundAlone;
  int64_t at = 0;
  l.x_acts = place(at, l.own_x ? 0 : x_bytes);
  l.hidden = place(at, s.pairs * s.n_ff * 4);
  l.hidden_acts = place(at, s.round_hidden ? s.pairs * act_bytes(s.n_ff) : 0);
  l.members = at;
  at = 0;
  l.own_x_acts = place(at, l.own_x ? x_bytes : 0);
  l.firsts = place(at, (s.n_experts + 1) * 4);
  l.order = place(at, s.pairs * 4);
  l.x_rows = place(at, s.pairs * static_cast<int64_t>(sizeof(ActRow)));
  l.hidden_rows = place(at, s.pairs * static_cast<int64_t>(sizeof(ActRow)));
  l.hidden_ptrs = place(at, s.pairs * 8);
  l.tile_ptrs = place(at, s.n_tokens * 8);
  l.tile = place(at, s.n_tokens * s.item_rows * 4);
  l.scratch = place(at, linear_scratch_bytes());
  l.member_bytes = at;
  l.total = l.members + n_threads * l.member_bytes;
  return l;
}

int64_t workspace(const OpSite& site, int n_threads) {
  const auto rounds = [&](int i) {
    return site.operands[i].shape.rank != 0 && find_linear(site.operands[i].dtype)->rounds;
  };
  return layout(sizes(site.operands[0].shape, site.operands[1].shape, site.operands[5].shape,
                      rounds(3) || rounds(4), rounds(5)),
                n_threads)
      .total;
}

// What one member works with.
struct Job {
  Sizes s;
  const TensorView *weights, *gate, *up, *down, *y;
  const LinearKernel *gate_kernel, *up_kernel, *down_kernel;
  int64_t up_first;  // row of `up` that goes with row 0 of gate
  // Pairs (token, choice) sorted by expert, stable: expert e has places firsts[e] .. firsts[e + 1] - 1.
  int32_t* firsts;
  int32_t* order;                // place -> token * top_k + choice
  ActRow *x_rows, *hidden_rows;  // by place
  float** hidden_ptrs;           // by place
  float **tile_ptrs, *tile;
  std::byte *hidden_acts, *scratch;
};

void sort_pairs(const Job& j, const TensorView& experts) {
  const Sizes& s = j.s;
  for (int64_t e = 0; e <= s.n_experts; ++e) j.firsts[e] = 0;
  const auto expert_of = [&](int64_t t, int64_t k) {
    const int32_t e = reinterpret_cast<const int32_t*>(experts.data + t * experts.stride[0])[k];
    GANNET_CHECK(e >= 0 && e < s.n_experts, "routed_experts: no such expert");
    return e;
  };
  for (int64_t t = 0; t < s.n_tokens; ++t)
    for (int64_t k = 0; k < s.top_k; ++k) ++j.firsts[expert_of(t, k) + 1];
  for (int64_t e = 0; e < s.n_experts; ++e) j.firsts[e + 1] += j.firsts[e];
  // Filling moves firsts[e] to the end of e, which is the start of e + 1; moved back after.
  for (int64_t t = 0; t < s.n_tokens; ++t)
    for (int64_t k = 0; k < s.top_k; ++k)
      j.order[j.firsts[expert_of(t, k)]++] = static_cast<int32_t>(t * s.top_k + k);
  for (int64_t e = s.n_experts; e > 0; --e) j.firsts[e] = j.firsts[e - 1];
  j.firsts[0] = 0;
}

// Product of `n_rows` rows of expert e from `row` on with the places [first, first + n).
GANNET_INLINE void product(const Job& j, const LinearKernel& kernel, const TensorView& w, int64_t e,
                           int64_t row, int64_t n_rows, const ActRow* x, int64_t n, float* const* y,
                           int64_t y_first) {
  linear_product(kernel, {.w = reinterpret_cast<const uint8_t*>(w.data) + e * w.stride[0] + row * w.stride[1],
                          .row_bytes = w.stride[1],
                          .n_rows = n_rows,
                          .n_in = w.shape.dim[2],
                          .x = x,
                          .n_tokens = n,
                          .y = y,
                          .y_first = y_first,
                          .scratch = j.scratch});
}

// hidden = silu(hidden) * up for n values.
void gate_values(float* hidden, const float* up, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(hidden + i, silu(load(hidden + i)) * load(up + i));
  if (i < n) store_part(hidden + i, silu(load_part(hidden + i, n - i)) * load_part(up + i, n - i), n - i);
}

// y += weight * values.
void add_weighted(float* y, const float* values, float weight, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, fma(splat(weight), load(values + i), load(y + i)));
  if (i < n)
    store_part(y + i, fma(splat(weight), load_part(values + i, n - i), load_part(y + i, n - i)), n - i);
}

void gate_and_up(const Job& j, int64_t e, int64_t row, int64_t n_rows) {
  const Sizes& s = j.s;
  for (int64_t first = j.firsts[e]; first < j.firsts[e + 1]; first += s.n_tokens) {
    const int64_t left = j.firsts[e + 1] - first, n = left < s.n_tokens ? left : s.n_tokens;
    product(j, *j.gate_kernel, *j.gate, e, row, n_rows, j.x_rows + first, n, j.hidden_ptrs + first, row);
    product(j, *j.up_kernel, *j.up, e, j.up_first + row, n_rows, j.x_rows + first, n, j.tile_ptrs, 0);
    for (int64_t i = 0; i < n; ++i) {
      float* hidden = j.hidden_ptrs[first + i] + row;
      gate_values(hidden, j.tile_ptrs[i], n_rows);
      if (s.round_hidden)
        quantize_act_piece(hidden, row, n_rows, s.n_ff, j.hidden_acts + (first + i) * act_bytes(s.n_ff));
    }
  }
}

void weighted_down(const Job& j, int64_t row, int64_t n_rows) {
  const Sizes& s = j.s;
  for (int64_t t = 0; t < s.n_tokens; ++t)
    __builtin_memset(j.y->f32(t) + row, 0, static_cast<size_t>(n_rows) * sizeof(float));
  for (int64_t e = 0; e < s.n_experts; ++e)
    for (int64_t first = j.firsts[e]; first < j.firsts[e + 1]; first += s.n_tokens) {
      const int64_t left = j.firsts[e + 1] - first, n = left < s.n_tokens ? left : s.n_tokens;
      product(j, *j.down_kernel, *j.down, e, row, n_rows, j.hidden_rows + first, n, j.tile_ptrs, 0);
      for (int64_t i = 0; i < n; ++i) {
        const int64_t pair = j.order[first + i], t = pair / s.top_k;
        add_weighted(j.y->f32(t) + row, j.tile_ptrs[i], j.weights->f32(t)[pair % s.top_k], n_rows);
      }
    }
}

// Rows per work item: at most s.item_rows, fewer until each member can have about four items.
int64_t item_rows(const Sizes& s, int64_t n_rows, int64_t n_matrices, int members) {
  int64_t rows = s.item_rows;
  while (rows > 32 && n_matrices * ((n_rows + rows - 1) / rows) < 4 * members) rows /= 2;
  return rows;
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &experts = args.operands[1], &down = args.operands[5];
  const bool fused = args.operands[4].data == nullptr;
  Job j{};
  j.weights = &args.operands[2];
  j.gate = &args.operands[3];
  j.up = fused ? j.gate : &args.operands[4];
  j.down = &down;
  j.y = &args.results[0];
  j.gate_kernel = find_linear(j.gate->dtype);
  j.up_kernel = find_linear(j.up->dtype);
  j.down_kernel = find_linear(down.dtype);
  const Sizes s = j.s = sizes(x.shape, experts.shape, down.shape,
                              j.gate_kernel->rounds || j.up_kernel->rounds, j.down_kernel->rounds);
  j.up_first = fused ? s.n_ff : 0;
  const Layout l = layout(s, worker.count());
  std::byte* member = args.workspace + l.members + worker.index() * l.member_bytes;
  j.firsts = reinterpret_cast<int32_t*>(member + l.firsts);
  j.order = reinterpret_cast<int32_t*>(member + l.order);
  j.x_rows = reinterpret_cast<ActRow*>(member + l.x_rows);
  j.hidden_rows = reinterpret_cast<ActRow*>(member + l.hidden_rows);
  j.hidden_ptrs = reinterpret_cast<float**>(member + l.hidden_ptrs);
  j.tile_ptrs = reinterpret_cast<float**>(member + l.tile_ptrs);
  j.tile = reinterpret_cast<float*>(member + l.tile);
  j.hidden_acts = args.workspace + l.hidden_acts;
  j.scratch = member + l.scratch;

  std::byte* x_acts = l.own_x ? member + l.own_x_acts : args.workspace + l.x_acts;
  if (s.round_x) {
    const int64_t begin = l.own_x ? 0 : s.n_tokens * worker.index() / worker.count();
    const int64_t end = l.own_x ? s.n_tokens : s.n_tokens * (worker.index() + 1) / worker.count();
    for (int64_t t = begin; t < end; ++t) quantize_act(x.f32(t), s.n_embd, x_acts + t * act_bytes(s.n_embd));
  }
  sort_pairs(j, experts);
  auto* hidden = reinterpret_cast<float*>(args.workspace + l.hidden);
  for (int64_t place = 0; place < s.pairs; ++place) {
    const int64_t t = j.order[place] / s.top_k;
    j.x_rows[place] = act_row(x.f32(t), x_acts + t * act_bytes(s.n_embd), s.n_embd);
    j.hidden_ptrs[place] = hidden + place * s.n_ff;
    j.hidden_rows[place] = act_row(j.hidden_ptrs[place], j.hidden_acts + place * act_bytes(s.n_ff), s.n_ff);
  }
  if (s.round_x && !l.own_x) worker.barrier();

  // Items count only experts that have pairs.
  int64_t n_active = 0;
  for (int64_t e = 0; e < s.n_experts; ++e) n_active += j.firsts[e + 1] > j.firsts[e];
  const int64_t up_rows = item_rows(s, s.n_ff, n_active, worker.count());
  const int64_t up_items = (s.n_ff + up_rows - 1) / up_rows;
  for (int64_t i = 0; i < s.n_tokens; ++i) j.tile_ptrs[i] = j.tile + i * up_rows;
  int64_t begin, end, e = -1, rank = -1;
  while (worker.claim(n_active * up_items, 1, begin, end)) {
    while (rank < begin / up_items) rank += j.firsts[e + 2] > j.firsts[e + 1], ++e;  // claims rise
    const int64_t row = begin % up_items * up_rows;
    gate_and_up(j, e, row, s.n_ff - row < up_rows ? s.n_ff - row : up_rows);
  }
  worker.reset_claims();

  const int64_t down_rows = item_rows(s, s.n_embd, 1, worker.count());
  for (int64_t i = 0; i < s.n_tokens; ++i) j.tile_ptrs[i] = j.tile + i * down_rows;
  while (worker.claim((s.n_embd + down_rows - 1) / down_rows, 1, begin, end)) {
    const int64_t row = begin * down_rows;
    weighted_down(j, row, s.n_embd - row < down_rows ? s.n_embd - row : down_rows);
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS({.op = "routed_experts",
                .name = GANNET_ISA_NAME,
                .isa = GANNET_ISA_ENUM,
                .priority = 1,
                .refuses = nullptr,
                .workspace = GANNET_ISA_NS::workspace,
                .run = GANNET_ISA_NS::run})
