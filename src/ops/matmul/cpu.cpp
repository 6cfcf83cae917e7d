// matmul on the CPU: rounds the activations where the weight type wants it, then hands out weight rows (few
// tokens) or row panels times token ranges (many) to the members. The arithmetic is in backend/cpu/linear.
#include "backend/api/kernel.h"
#include "backend/cpu/linear/linear.h"

namespace gannet::GANNET_ISA_NS {
namespace {

// Rounding so few activations again in every member is cheaper than a barrier.
constexpr int64_t kRoundAlone = 8192;

struct Sizes {
  int64_t n_tokens, n_in, n_out;
};

Sizes sizes(const Shape& x, const Shape& w) {
  return {x.dim[0], x.dim[1], w.dim[0]};
}

// One rounded copy of the activations, or one per member; their ActRows; the result rows; scratch per member.
struct Layout {
  int64_t acts, act_stride, rows, scratch, total;
};

Layout layout(const LinearKernel& kernel, const Sizes& s, int n_threads) {
  Layout l{};
  l.act_stride = kernel.rounds ? s.n_tokens * act_bytes(s.n_in) : 0;
  l.acts = s.n_tokens * s.n_in <= kRoundAlone ? n_threads : 1;
  const int64_t row_bytes =
      (s.n_tokens * static_cast<int64_t>(sizeof(ActRow) + sizeof(float*)) + 63) / 64 * 64;
  l.rows = l.acts * l.act_stride;
  l.scratch = l.rows + n_threads * row_bytes;
  l.total = l.scratch + (s.n_tokens <= kernel.row_tokens ? 0 : n_threads * linear_scratch_bytes());
  return l;
}

int64_t workspace(const OpSite& site, int n_threads) {
  const Sizes s = sizes(site.operands[0].shape, site.operands[1].shape);
  return layout(*find_linear(site.operands[1].dtype), s, n_threads).total;
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &w = args.operands[1], &y = args.results[0];
  const LinearKernel& kernel = *find_linear(w.dtype);
  const Sizes s = sizes(x.shape, w.shape);
  const Layout l = layout(kernel, s, worker.count());
  const bool alone = l.acts != 1 || worker.count() == 1;

  std::byte* acts = args.workspace + (alone && l.acts != 1 ? worker.index() * l.act_stride : 0);
  std::byte* row_memory = args.workspace + l.rows + worker.index() * ((l.scratch - l.rows) / worker.count());
  auto* act_rows = reinterpret_cast<ActRow*>(row_memory);
  auto** y_rows = reinterpret_cast<float**>(row_memory + s.n_tokens * static_cast<int64_t>(sizeof(ActRow)));
  for (int64_t t = 0; t < s.n_tokens; ++t) {
    act_rows[t] = act_row(x.f32(t), acts + t * act_bytes(s.n_in), s.n_in);
    y_rows[t] = y.f32(t);
  }
  if (kernel.rounds) {
    const int64_t begin = alone ? 0 : s.n_tokens * worker.index() / worker.count();
    const int64_t end = alone ? s.n_tokens : s.n_tokens * (worker.index() + 1) / worker.count();
    for (int64_t t = begin; t < end; ++t) quantize_act(x.f32(t), s.n_in, acts + t * act_bytes(s.n_in));
    if (!alone) worker.barrier();
  }

  // Work items: `grain` rows times `chunk` tokens. Results do not depend on the split.
  const bool few = s.n_tokens <= kernel.row_tokens;
  int64_t grain = few ? 65536 / w.stride[0] / 4 * 4 : 32;
  if (few) grain = grain < 4 ? 4 : grain > 256 ? 256 : grain;
  const int64_t wanted = 4 * worker.count();  // items, so that members finish together
  while (few && grain > 4 && (s.n_out + grain - 1) / grain < wanted)
    grain = grain / 2 / 4 * 4 > 4 ? grain / 2 / 4 * 4 : 4;
  const int64_t row_items = (s.n_out + grain - 1) / grain;
  int64_t token_items = 1;
  if (!few && worker.count() > 1) {
    const int64_t most =
        s.n_tokens / 48 > 1 ? s.n_tokens / 48 : 1;  // decoding a panel costs about 8 tokens' work
    token_items = (wanted + row_items - 1) / row_items;
    token_items = token_items > most ? most : token_items;
  }
  const int64_t chunk = ((s.n_tokens + token_items - 1) / token_items + 5) / 6 * 6;
  token_items = (s.n_tokens + chunk - 1) / chunk;

  std::byte* scratch = few ? nullptr : args.workspace + l.scratch + worker.index() * linear_scratch_bytes();
  int64_t begin, end;
  while (worker.claim(row_items * token_items, 1, begin, end)) {
    const int64_t row = begin / token_items * grain, t0 = begin % token_items * chunk;
    const LinearArgs item{.w = reinterpret_cast<const uint8_t*>(w.data) + row * w.stride[0],
                          .row_bytes = w.stride[0],
                          .n_rows = s.n_out - row < grain ? s.n_out - row : grain,
                          .n_in = s.n_in,
                          .x = act_rows + t0,
                          .n_tokens = s.n_tokens - t0 < chunk ? s.n_tokens - t0 : chunk,
                          .y = y_rows + t0,
                          .y_first = row,
                          .scratch = scratch};
    few ? kernel.rows(item) : kernel.panels(kernel, item);
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS({.op = "matmul",
                .name = GANNET_ISA_NAME,
                .isa = GANNET_ISA_ENUM,
                .priority = 1,
                .refuses = nullptr,
                .workspace = GANNET_ISA_NS::workspace,
                .run = GANNET_ISA_NS::run})
