#include "backend/cpu/linear/products.h"

#include "backend/cpu/rows.h"

namespace gannet::GANNET_ISA_NS {
namespace {

// Rounding so few activations again in every member is cheaper than a barrier.
constexpr int64_t kRoundAlone = 8192;
constexpr int64_t kItemBytes = 65536;   // of weights in an item for few tokens, at most
constexpr int64_t kItemsPerMember = 4;  // at least, so that members finish together
constexpr int64_t kPanelRows = 32;      // of an item for many tokens
constexpr int64_t kStreamedTokens = 8;  // up to here the weights' way from memory is what counts

// How one weight matrix is cut into items: `grain` rows times `chunk` tokens, the exact tokens with the first
// of the others. Results do not depend on the cut.
struct Cut {
  bool few;  // by rows only
  int64_t grain, chunk, token_items, items;
};

void make_cuts(const Products& p, int64_t n_tokens, int64_t exact, int n_threads, Cut* cuts) {
  int64_t few_bytes = 0, panels = 0;
  for (int i = 0; i < p.n_weights; ++i) {
    const Products::Weight& w = p.weights[i];
    cuts[i].few = !prefers_panels(*w.kernel, n_tokens, exact);
    if (cuts[i].few)
      few_bytes += w.n_out * w.row_bytes;
    else
      panels += (w.n_out + kPanelRows - 1) / kPanelRows;
  }
  // Items of equal bytes whatever their type, as many as are a multiple of the members.
  int64_t rounds = (few_bytes + n_threads * kItemBytes - 1) / (n_threads * kItemBytes);
  if (rounds < kItemsPerMember) rounds = kItemsPerMember;
  const int64_t bytes = few_bytes / (n_threads * rounds);
  for (int i = 0; i < p.n_weights; ++i) {
    const Products::Weight& w = p.weights[i];
    Cut& cut = cuts[i];
    cut.grain = kPanelRows;
    cut.chunk = n_tokens;
    cut.token_items = 1;
    if (cut.few) {
      cut.grain = (bytes / w.row_bytes + 3) / 4 * 4;
      cut.grain = cut.grain < 4 ? 4 : cut.grain > 256 ? 256 : cut.grain;
    } else if (n_threads > 1) {
      const int64_t others = n_tokens - exact;
      const int64_t most = others / 48 > 1 ? others / 48 : 1;  // decoding a panel costs about 8 tokens' work
      cut.token_items = (kItemsPerMember * n_threads + panels - 1) / panels;
      cut.token_items = cut.token_items > most ? most : cut.token_items;
      cut.chunk = ((others + cut.token_items - 1) / cut.token_items + 5) / 6 * 6;
      cut.token_items = (others + cut.chunk - 1) / cut.chunk;
    }
    cut.items = (w.n_out + cut.grain - 1) / cut.grain * cut.token_items;
  }
}

}  // namespace

Products::Products(const OpSite& site, int first, int end, bool is_rounded)
    : n_tokens(site.operands[0].shape.dim[0]), n_in(site.operands[0].shape.dim[1]), rounded(is_rounded) {
  for (int i = first; i < end; ++i) {
    const TensorType& w = site.operands[i];
    weights[n_weights++] = {find_linear(w.dtype), nullptr, row_bytes(w.dtype, n_in), w.shape.dim[0]};
  }
}

Products::Products(const KernelArgs& args, int first, int end, bool is_rounded)
    : n_tokens(args.operands[0].shape.dim[0]), n_in(args.operands[0].shape.dim[1]), rounded(is_rounded) {
  for (int i = first; i < end; ++i) {
    const TensorView& w = args.operands[i];
    weights[n_weights++] = {find_linear(w.dtype), reinterpret_cast<const uint8_t*>(w.data), w.stride[0],
                            w.shape.dim[0]};
  }
}

// One rounded copy of the activations, or one per member; their ActRows; the result rows; scratch per member.
struct Products::Layout {
  bool rounds, alone;
  int64_t act_stride, rows, row_stride, scratch, total;
};

Products::Layout Products::layout(int n_threads) const {
  Layout l{};
  bool many = false;
  for (int i = 0; i < n_weights; ++i) {
    l.rounds |= !rounded && weights[i].kernel->rounds;
    many |= n_tokens > weights[i].kernel->row_tokens;
  }
  l.alone = n_threads == 1 || n_tokens * n_in <= kRoundAlone;
  l.act_stride = l.rounds ? n_tokens * act_bytes(n_in) : 0;
  l.rows = (l.alone ? n_threads : 1) * l.act_stride;
  l.row_stride = (n_tokens * static_cast<int64_t>(sizeof(ActRow) + sizeof(float*)) + 63) / 64 * 64;
  l.scratch = l.rows + n_threads * l.row_stride;
  l.total = l.scratch + (many ? n_threads * linear_scratch_bytes() : 0);
  return l;
}

int64_t Products::workspace(int n_threads) const {
  return layout(n_threads).total;
}

int Products::barriers(int n_threads) const {
  const Layout l = layout(n_threads);
  return l.rounds && !l.alone ? 1 : 0;
}

void Products::run(const TensorView& x, const TensorView& given, const TensorView& residual,
                   const TensorView& y, const StepRows& rows, std::byte* workspace, Worker& worker) const {
  const int64_t live = rows.live_of(n_tokens), exact = rows.exact_of(n_tokens);
  const Layout l = layout(worker.count());
  std::byte* acts = workspace + (l.alone ? worker.index() * l.act_stride : 0);
  std::byte* row_memory = workspace + l.rows + worker.index() * l.row_stride;
  auto* act_rows = reinterpret_cast<ActRow*>(row_memory);
  auto** y_rows = reinterpret_cast<float**>(row_memory + n_tokens * static_cast<int64_t>(sizeof(ActRow)));
  for (int64_t t = 0; t < live; ++t) {
    const std::byte* from = rounded ? given.data + t * given.stride[0] : acts + t * act_bytes(n_in);
    act_rows[t] = rounded || l.rounds ? act_row(x.f32(t), from, n_in) : ActRow{.x = x.f32(t)};
    y_rows[t] = y.f32(t);
  }
  if (l.rounds) {
    const int64_t begin = l.alone ? 0 : live * worker.index() / worker.count();
    const int64_t end = l.alone ? live : live * (worker.index() + 1) / worker.count();
    for (int64_t t = begin; t < end; ++t) quantize_act(x.f32(t), n_in, acts + t * act_bytes(n_in));
    if (!l.alone) worker.barrier();
  }

  Cut cuts[kMostProducts];
  make_cuts(*this, live, exact, worker.count(), cuts);
  int64_t items = 0;
  for (int i = 0; i < n_weights; ++i) items += cuts[i].items;
  // Few tokens stream the weights: most items are dealt in one run of neighbours per member, which fetching
  // ahead goes along with; the rest is claimed, so that a member that was held up is helped.
  const int64_t dealt = live <= kStreamedTokens ? items * 7 / 8 / worker.count() : 0;
  int64_t own = worker.index() * dealt;
  const int64_t own_end = own + dealt, claimed = items - dealt * worker.count();
  const auto next_item = [&](int64_t& item) {
    if (own < own_end) {
      item = own++;
      return true;
    }
    int64_t end;
    if (!worker.claim(claimed, 1, item, end)) return false;
    item += items - claimed;
    return true;
  };
  int64_t item;
  while (next_item(item)) {
    int64_t y_first = 0;
    int i = 0;
    for (; item >= cuts[i].items; ++i) {
      item -= cuts[i].items;
      y_first += weights[i].n_out;
    }
    const Weight& w = weights[i];
    const Cut& cut = cuts[i];
    const int64_t row = item / cut.token_items * cut.grain, part = item % cut.token_items;
    const int64_t first = part == 0 ? 0 : exact + part * cut.chunk;
    int64_t end = cut.few ? live : exact + (part + 1) * cut.chunk;
    end = end < live ? end : live;
    const LinearArgs args{.w = w.rows + row * w.row_bytes,
                          .row_bytes = w.row_bytes,
                          .n_rows = w.n_out - row < cut.grain ? w.n_out - row : cut.grain,
                          .n_in = n_in,
                          .x = act_rows + first,
                          .n_tokens = end - first,
                          .y = y_rows + first,
                          .y_first = y_first + row,
                          .scratch = workspace + l.scratch + worker.index() * linear_scratch_bytes()};
    if (cut.few)
      w.kernel->rows(args);
    else
      linear_panels(*w.kernel, args, first == 0 ? exact : 0);
    if (residual.data == nullptr) continue;
    for (int64_t t = 0; t < args.n_tokens; ++t) {
      float* out = args.y[t] + args.y_first;
      map_row(residual.f32(first + t) + args.y_first, out, out, args.n_rows,
              [](VF a, VF b) GANNET_LAMBDA { return a + b; });
    }
  }
}

}  // namespace gannet::GANNET_ISA_NS
