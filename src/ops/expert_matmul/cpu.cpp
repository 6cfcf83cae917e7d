// expert_matmul on the CPU. Work items are (expert that was chosen, range of its rows), each with all tokens
// of the expert, so weights are read once; results go straight to their rows of y. The arithmetic is in
// backend/cpu/linear.
#include "backend/cpu/linear/expert_pairs.h"
#include "backend/cpu/linear/linear.h"

namespace gannet::GANNET_ISA_NS {
namespace {

// Rounding so few activations again in every member is cheaper than a barrier.
constexpr int64_t kRoundAlone = 8192;

struct Sizes {
  int64_t n_tokens, top_k, pairs, x_rows, n_in, n_out, n_experts;
  bool rounds;
};

Sizes sizes(const Shape& x, const Shape& w, const Shape& ids, bool rounds) {
  return {ids.dim[0], ids.dim[1], ids.elements(), x.rows(), w.dim[2], w.dim[1], w.dim[0], rounds};
}

// Byte offsets in the workspace: rounded x (one, or one per member when that is little), then per member the
// list of pairs by expert, the rows of x and y by place, scratch of the products.
struct Layout {
  int64_t acts, act_bytes_each, members, member_bytes;
  int64_t firsts, order, x_rows, y_rows, scratch;
  bool alone;  // every member rounds for itself
  int64_t total;
};

Layout layout(const Sizes& s, int n_threads) {
  Layout l{};
  int64_t at = 0;
  const auto place = [&](int64_t bytes) {
    const int64_t here = at;
    at += (bytes + 63) / 64 * 64;
    return here;
  };
  l.alone = n_threads == 1 || s.x_rows * s.n_in <= kRoundAlone;
  l.act_bytes_each = s.rounds ? s.x_rows * act_bytes(s.n_in) : 0;
  l.acts = place(l.act_bytes_each * (l.alone ? n_threads : 1));
  l.members = at;
  at = 0;
  l.firsts = place((s.n_experts + 1) * 4);
  l.order = place(s.pairs * 4);
  l.x_rows = place(s.pairs * static_cast<int64_t>(sizeof(ActRow)));
  l.y_rows = place(s.pairs * static_cast<int64_t>(sizeof(float*)));
  l.scratch = place(linear_scratch_bytes());
  l.member_bytes = at;
  l.total = l.members + n_threads * l.member_bytes;
  return l;
}

Sizes sizes(const OpSite& site) {
  return sizes(site.operands[0].shape, site.operands[1].shape, site.operands[2].shape,
               find_linear(site.operands[1].dtype)->rounds);
}

int64_t workspace(const OpSite& site, int n_threads) {
  return layout(sizes(site), n_threads).total;
}

int barriers(const OpSite& site, int n_threads) {
  const Sizes s = sizes(site);
  return s.rounds && !layout(s, n_threads).alone ? 1 : 0;
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &w = args.operands[1], &ids = args.operands[2];
  const TensorView& y = args.results[0];
  const LinearKernel& kernel = *find_linear(w.dtype);
  const Sizes s = sizes(x.shape, w.shape, ids.shape, kernel.rounds);
  const Layout l = layout(s, worker.count());
  const int64_t live = args.rows.live_of(s.n_tokens), exact = args.rows.exact_of(s.n_tokens);
  const int64_t x_live = s.x_rows / s.n_tokens * live;
  std::byte* member = args.workspace + l.members + worker.index() * l.member_bytes;
  const ExpertPairs pairs{s.n_experts, s.top_k, reinterpret_cast<int32_t*>(member + l.firsts),
                          reinterpret_cast<int32_t*>(member + l.order)};
  auto* x_rows = reinterpret_cast<ActRow*>(member + l.x_rows);
  auto** y_rows = reinterpret_cast<float**>(member + l.y_rows);
  std::byte* acts = args.workspace + l.acts + (l.alone ? worker.index() * l.act_bytes_each : 0);

  const auto input = [&](int64_t row) { return reinterpret_cast<const float*>(x.flat_row(row)); };
  if (s.rounds) {
    const int64_t begin = l.alone ? 0 : x_live * worker.index() / worker.count();
    const int64_t end = l.alone ? x_live : x_live * (worker.index() + 1) / worker.count();
    for (int64_t r = begin; r < end; ++r) quantize_act(input(r), s.n_in, acts + r * act_bytes(s.n_in));
  }
  const auto choices_of = [&](int64_t t) {
    return reinterpret_cast<const int32_t*>(ids.data + t * ids.stride[0]);
  };
  pairs.sort(live, choices_of, "expert_matmul: no such expert");
  const bool per_choice = x.shape.rank == 3;
  for (int64_t place = 0; place < live * s.top_k; ++place) {
    const int64_t pair = pairs.order[place], row = per_choice ? pair : pair / s.top_k;
    x_rows[place] = act_row(input(row), acts + row * act_bytes(s.n_in), s.n_in);
    y_rows[place] = y.f32(pair / s.top_k, pair % s.top_k);
  }
  if (s.rounds && !l.alone) worker.barrier();

  const int64_t active = pairs.active();
  const int64_t rows = expert_item_rows(most_expert_rows(live), s.n_out, active, worker.count());
  const int64_t items = (s.n_out + rows - 1) / rows;
  int64_t begin, end, e = -1, rank = -1;
  while (worker.claim(active * items, 1, begin, end)) {
    while (rank < begin / items) rank += pairs.count(++e) > 0;  // claims rise
    const int64_t row = begin % items * rows;
    linear_product(kernel,
                   {.w = reinterpret_cast<const uint8_t*>(w.data) + e * w.stride[0] + row * w.stride[1],
                    .row_bytes = w.stride[1],
                    .n_rows = s.n_out - row < rows ? s.n_out - row : rows,
                    .n_in = s.n_in,
                    .x = x_rows + pairs.firsts[e],
                    .n_tokens = pairs.count(e),
                    .y = y_rows + pairs.firsts[e],
                    .y_first = row,
                    .scratch = member + l.scratch},
                   pairs.place(e, exact) - pairs.firsts[e]);
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(expert_matmul, {.op = "expert_matmul",
                               .name = GANNET_ISA_NAME,
                               .isa = GANNET_ISA_ENUM,
                               .priority = 1,
                               .refuses = nullptr,
                               .workspace = GANNET_ISA_NS::workspace,
                               .run = GANNET_ISA_NS::run,
                               .barriers = GANNET_ISA_NS::barriers})
