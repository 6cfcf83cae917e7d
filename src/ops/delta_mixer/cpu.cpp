// delta_mixer for few rows. A key head with all its value heads is independent of the
// others from the convolution to the norm: with no more members than key heads an item of work is such a
// group, and nobody waits for anybody. With more members the convolution comes first, then value heads, or
// blocks of their state rows with the norm at the end. Results do not depend on the way: each number is
// computed by the same instructions.
//
// A block of state rows stays in the first-level cache while the tokens of a segment pass over it, so the
// state is read once and written at most once.
#include "backend/api/kernel.h"
#include "backend/cpu/capabilities.h"
#include "backend/cpu/delta/conv.h"
#include "backend/cpu/delta/gated_norm.h"
#include "backend/cpu/delta/recurrence.h"
#include "ops/delta_mixer/delta_mixer.h"
#include "ops/delta_mixer/operands.h"

namespace gannet::GANNET_ISA_NS {
namespace {

constexpr int64_t kRowsOfItem = 32;  // state rows of an item when heads are divided
constexpr int64_t kConvGrain = 64;   // channels that are given to one member when the convolution is divided
constexpr int64_t kRowPadding = 16;  // so that the rows of tokens do not meet in one cache set

enum class Split { kKeyHeads, kValueHeads, kRows };

struct Sizes {
  int64_t n_tokens, channels, s, heads, key_heads, group;

  // Of either an OpSite's or a KernelArgs' operands.
  template <class T>
  GANNET_INLINE explicit Sizes(const T* operands)
      : n_tokens(operands[kQkv].shape.dim[0]),
        channels(operands[kQkv].shape.dim[1]),
        s(operands[kNorm].shape.dim[0]),
        heads(operands[kA].shape.dim[0]),
        key_heads((channels / s - heads) / 2),
        group(heads / key_heads) {}

  GANNET_INLINE Split split(int n_threads) const {
    return n_threads <= key_heads ? Split::kKeyHeads : n_threads <= heads ? Split::kValueHeads : Split::kRows;
  }
  // Floats from one token to the next of the convolved inputs: of one group, of all.
  GANNET_INLINE int64_t group_stride() const { return (2 + group) * s + kRowPadding; }
  GANNET_INLINE int64_t all_stride() const { return channels + kRowPadding; }
  // Per member: q and k of one key head, and the state rows that are worked on.
  GANNET_INLINE int64_t keys_floats() const { return (2 * n_tokens + kDeltaRows) * s; }
};

// q and k of one key head, normalised, [n_tokens, S] each, and their products.
struct Keys {
  float *q, *k;
  float* tile;  // room for kDeltaRows state rows
  float kq[kCpuDeltaMixerTokens];
};

struct Job {
  const KernelArgs& args;
  const StepView& step;
  const int64_t n_rows;  // of the step
  const Sizes n;
  const bool tiled;
  const float eps;

  GANNET_INLINE explicit Job(const KernelArgs& a)
      : args(a),
        step(*a.operands[kDelta].as<RecurrentView>()->step),
        n_rows(step.n_rows()),
        n(a.operands),
        tiled(a.as<DeltaMixerAttrs>().heads == HeadMap::kTiled),
        eps(a.as<DeltaMixerAttrs>().eps) {}
};

// Channels [first, first + count) of all tokens.
void convolve_some(const Job& j, int64_t first, int64_t count, float* out, int64_t stride) {
  const RecurrentView& window = *j.args.operands[kConv].as<RecurrentView>();
  for (int64_t c = 0; c < count; c += kConvChannels)
    conv_channels(j.args.operands[kQkv], j.args.operands[kTaps], window, first + c,
                  count - c < kConvChannels ? count - c : kConvChannels, out + c, stride);
}

// Of the rows [first, first + count); q and k are the convolved inputs of the head for the first row of the
// step.
void prepare_keys(const Job& j, int64_t first, int64_t count, const float* q, const float* k, int64_t stride,
                  Keys& out) {
  for (int64_t t = first; t < first + count; ++t)
    out.kq[t] =
        normalise_qk(q + t * stride, k + t * stride, j.n.s, j.eps, out.q + t * j.n.s, out.k + t * j.n.s);
}

// Rows [first, last) of the state of head h in one segment; the results before the norm. `v` holds the
// convolved inputs of the head for the first row of the step.
void recur(const Job& j, const StepSegment& segment, const Keys& keys, const float* v, int64_t stride,
           int64_t h, int64_t kh, int64_t first, int64_t last) {
  const Sizes& n = j.n;
  const TensorView *in = j.args.operands, &y = j.args.results[0];
  const float out_scale = 1.0f / __builtin_sqrtf(static_cast<float>(n.s));
  const int64_t row = segment.first_row;
  TokenGates gates[kCpuDeltaMixerTokens];
  for (int64_t t = 0; t < segment.n_rows; ++t)
    gates[t] = delta_gates(in[kAlpha].f32(row + t)[h], in[kBeta].f32(row + t)[h], in[kA].as<float>()[h],
                           in[kDt].as<float>()[h]);
  const DeltaHead head(*in[kDelta].as<RecurrentView>(), segment, n.s, n.heads, n.key_heads, h, kh);
  const DeltaTokens tokens{.q = keys.q + row * n.s,
                           .k = keys.k + row * n.s,
                           .kq = keys.kq + row,
                           .gates = gates,
                           .v = v + row * stride,
                           .o = y.f32(row) + h * n.s,
                           .qk_step = n.s,
                           .kq_step = 1,
                           .gates_step = 1,
                           .v_step = stride,
                           .o_step = y.stride[0] / int64_t{sizeof(float)}};
  for (int64_t r = first; r < last; r += kDeltaRows)
    delta_rows(head, tokens, r, 0, head.base + r * n.s, true, keys.tile, out_scale);
  if (first != 0) return;
  head.leave_decays(tokens);
  if (delta_value_head(j.tiled, n.heads, n.key_heads, kh, 0) == h) head.leave_keys(tokens);
}

void norm(const Job& j, int64_t h, int64_t t) {
  float* y = j.args.results[0].f32(t) + h * j.n.s;
  gated_norm_row(y, j.args.operands[kNorm].as<float>(), j.args.operands[kZ].f32(t) + h * j.n.s, y, j.n.s,
                 j.eps);
}

// A key head with its value heads; the scratch belongs to this member.
void whole_group(const Job& j, int64_t kh, Keys& keys, float* mixed) {
  const Sizes& n = j.n;
  const int64_t stride = n.group_stride();
  convolve_some(j, kh * n.s, n.s, mixed, stride);
  convolve_some(j, (n.key_heads + kh) * n.s, n.s, mixed + n.s, stride);
  prepare_keys(j, 0, j.n_rows, mixed, mixed + n.s, stride, keys);
  for (int64_t m = 0; m < n.group; ++m) {
    const int64_t h = delta_value_head(j.tiled, n.heads, n.key_heads, kh, m);
    float* v = mixed + (2 + m) * n.s;
    convolve_some(j, (2 * n.key_heads + h) * n.s, n.s, v, stride);
    for (int64_t g = 0; g < j.step.n_segments; ++g)
      recur(j, j.step.segments[g], keys, v, stride, h, kh, 0, n.s);
    for (int64_t t = 0; t < j.n_rows; ++t) norm(j, h, t);
  }
}

// More members than key heads: in phases.
void in_phases(const Job& j, Keys& keys, float* mixed, bool by_rows, Worker& worker) {
  const Sizes& n = j.n;
  const int64_t stride = n.all_stride();
  int64_t begin, end;
  worker.share(n.channels, kConvGrain, begin, end);
  convolve_some(j, begin, end - begin, mixed + begin, stride);
  worker.barrier();

  const int64_t rows = by_rows ? kRowsOfItem : n.s, blocks = (n.s + rows - 1) / rows;
  while (worker.claim(j.step.n_segments * n.heads * blocks, 1, begin, end)) {
    const int64_t h = begin / blocks % n.heads, first = begin % blocks * rows;
    const int64_t kh = delta_key_head(j.tiled, n.heads, n.key_heads, h);
    const StepSegment& segment = j.step.segments[begin / blocks / n.heads];
    prepare_keys(j, segment.first_row, segment.n_rows, mixed + kh * n.s, mixed + (n.key_heads + kh) * n.s,
                 stride, keys);
    recur(j, segment, keys, mixed + (2 * n.key_heads + h) * n.s, stride, h, kh, first,
          first + rows < n.s ? first + rows : n.s);
    for (int64_t t = 0; t < segment.n_rows && !by_rows; ++t) norm(j, h, segment.first_row + t);
  }
  if (!by_rows) return;
  worker.barrier();
  share_rows(worker, j.n_rows * n.heads, n.s, begin, end);
  for (; begin < end; ++begin) norm(j, begin % n.heads, begin / n.heads);
}

int64_t workspace(const OpSite& site, int n_threads) {
  const Sizes n(site.operands);
  // A plan may run with fewer members than it was made for, so both ways must fit.
  const int64_t most = n_threads < n.key_heads ? n_threads : n.key_heads;
  const int64_t groups = most * n.n_tokens * n.group_stride(), all = n.n_tokens * n.all_stride();
  const bool phases = n.split(n_threads) != Split::kKeyHeads;
  return (n_threads * n.keys_floats() + (phases && all > groups ? all : groups)) * int64_t{sizeof(float)};
}

void run(const KernelArgs& args, Worker& worker) {
  const Job job(args);
  const Sizes& n = job.n;
  float* memory = reinterpret_cast<float*>(args.workspace);
  Keys keys{};
  keys.q = memory + worker.index() * n.keys_floats();
  keys.k = keys.q + n.n_tokens * n.s;
  keys.tile = keys.k + n.n_tokens * n.s;
  float* mixed = memory + worker.count() * n.keys_floats();
  const Split split = n.split(worker.count());
  if (split != Split::kKeyHeads) return in_phases(job, keys, mixed, split == Split::kRows, worker);
  mixed += worker.index() * n.n_tokens * n.group_stride();
  int64_t kh, end;
  while (worker.claim(n.key_heads, 1, kh, end)) whole_group(job, kh, keys, mixed);
}

int barriers(const OpSite& site, int n_threads) {
  return static_cast<int>(Sizes(site.operands).split(n_threads));
}

const char* refuses(const OpSite& site) {
  const Sizes n(site.operands);
  if (n.n_tokens > kCpuDeltaMixerTokens) return "more than 64 tokens: the chunked recurrence is faster";
  if (n.s % 8 != 0) return "head size is not a multiple of 8";
  return site.operands[kTaps].shape.dim[1] > kMaxTaps ? "more than 16 taps" : nullptr;
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(delta_mixer, {.op = "delta_mixer",
                             .name = GANNET_ISA_NAME,
                             .isa = GANNET_ISA_ENUM,
                             .priority = 0,
                             .refuses = GANNET_ISA_NS::refuses,
                             .workspace = GANNET_ISA_NS::workspace,
                             .run = GANNET_ISA_NS::run,
                             .barriers = GANNET_ISA_NS::barriers})
