// A mixture of experts in two phases with one wait between them:
//   1  work items (expert, rows of gate and up): both products for all tokens of the expert, silu(gate) * up,
//   and its rounding to 8 bits where the down matrix wants it; and for the shared expert, whose products come
//   ready, some tokens of silu(gate) * up;
//   2  work items (rows of down): in the columns of y that belong to the item, the residual, the products of
//   the experts with the router's weights, then the shared expert. For exact tokens the products are kept and
//   added in the order of the token's choice, so that other tokens of the step do not matter; for others they
//   are added expert by expert. No two items write the same value: results do not depend on the number of
//   threads.
// Every expert's weights are read once per phase, for one token and for many (in phase 2 once per kExactRows
// exact tokens). What comes before phase 1, the choice of experts and the rounding of x, every member does
// for itself while it is little, otherwise for some tokens, and waits. The arithmetic of the products is in
// backend/cpu/linear.
#include "backend/cpu/experts/experts.h"

#include "backend/cpu/experts/layout.h"
#include "backend/cpu/experts/route.h"
#include "backend/cpu/linear/expert_pairs.h"
#include "backend/cpu/linear/linear.h"
#include "backend/cpu/vec.h"

namespace gannet::GANNET_ISA_NS {
namespace {

GANNET_INLINE const uint8_t* weight_row(const TensorView& w, int64_t e, int64_t row) {
  return reinterpret_cast<const uint8_t*>(w.data) + e * w.stride[0] + row * w.stride[1];
}

// The choice of experts and the rounding of x for the tokens [begin, end).
void prepare(const Job& j, int64_t begin, int64_t end) {
  const MixtureSizes& s = j.s;
  for (int64_t t = begin; t < end; ++t) {
    if (s.routes)
      route_token(j.a.logits->f32(t), s.n_experts, s.top_k, const_cast<int32_t*>(j.experts(t)),
                  const_cast<float*>(j.weights(t)));
    if (j.l.round_x) quantize_act(j.a.x->f32(t), s.n_embd, j.rounded_x(t));
  }
}

// Returns the number of active experts.
int64_t sort_pairs(const Job& j) {
  const MixtureSizes& s = j.s;
  const ExpertPairs pairs = j.pairs();
  pairs.sort(
      j.n_tokens, [&](int64_t t) { return j.experts(t); }, "routed_experts: no such expert");
  int64_t n_active = 0;
  for (int64_t e = 0; e < s.n_experts; ++e)
    if (pairs.count(e) > 0) j.active()[n_active++] = static_cast<int32_t>(e);
  return n_active;
}

void set_rows(const Job& j) {
  const MixtureSizes& s = j.s;
  for (int64_t place = 0; place < j.n_tokens * s.top_k; ++place) {
    const int64_t t = j.pairs().order[place] / s.top_k;
    float* hidden = j.in_common<float>(j.l.hidden) + place * s.n_ff;
    j.results()[place] = hidden;
    j.in_member<ActRow>(j.l.x_rows)[place] = act_row(j.a.x->f32(t), j.rounded_x(t), s.n_embd);
    j.in_member<ActRow>(j.l.hidden_rows)[place] =
        act_row(hidden, j.common + j.l.hidden_acts + place * act_bytes(s.n_ff), s.n_ff);
  }
  for (int64_t t = 0; s.n_shared > 0 && t < j.n_tokens; ++t)
    j.in_member<ActRow>(j.l.shared_rows)[t] =
        act_row(j.in_common<float>(j.l.shared_hidden) + t * s.n_shared,
                j.common + j.l.shared_acts + t * act_bytes(s.n_shared), s.n_shared);
}

// The down products of pair (t, k) in phase 2 with items of `rows` rows: room for kExactRows tokens, in turn.
GANNET_INLINE float* down_row(const Job& j, int64_t t, int64_t k, int64_t rows) {
  return j.in_member<float>(j.l.downs) + (t % kExactRows * j.s.top_k + k) * rows;
}

// hidden = silu(gate) * up for n values; `hidden` may be `gate`.
void gate_values(const float* gate, const float* up, float* hidden, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(hidden + i, silu(load(gate + i)) * load(up + i));
  if (i < n) store_part(hidden + i, silu(load_part(gate + i, n - i)) * load_part(up + i, n - i), n - i);
}

// y += weight * values.
void add_weighted(float* y, const float* values, VF weight, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, fma(weight, load(values + i), load(y + i)));
  if (i < n) store_part(y + i, fma(weight, load_part(values + i, n - i), load_part(y + i, n - i)), n - i);
}

// A piece of some matrix, and where reading goes on after it.
struct Rows {
  const TensorView* w;
  const uint8_t* first;
  int64_t n;
  const uint8_t* next;
};

// The first `exact` of the n activation rows are exact.
GANNET_INLINE void product(const Job& j, const LinearKernel& kernel, const Rows& rows, const ActRow* x,
                           int64_t n, int64_t exact, float* const* y, int64_t y_first) {
  const Shape& shape = rows.w->shape;
  linear_product(kernel,
                 {.w = rows.first,
                  .row_bytes = rows.w->stride[shape.rank - 2],
                  .n_rows = rows.n,
                  .n_in = shape.last(),
                  .x = x,
                  .n_tokens = n,
                  .y = y,
                  .y_first = y_first,
                  .scratch = j.member + j.l.scratch,
                  .next = rows.next},
                 exact);
}

// The places [first, end) in portions of at most n_tokens: f(first place, number).
template <class F>
GANNET_INLINE void in_portions(const Job& j, int64_t first, int64_t end, F f) {
  for (; first < end; first += j.n_tokens) f(first, end - first < j.n_tokens ? end - first : j.n_tokens);
}

void gate_and_up(const Job& j, int64_t e, int64_t row, int64_t n_rows, const uint8_t* next) {
  const ActRow* x = j.in_member<ActRow>(j.l.x_rows);
  const uint8_t* up = weight_row(*j.up, e, j.up_first + row);
  const ExpertPairs pairs = j.pairs();
  const int64_t exact_end = pairs.place(e, j.exact);
  in_portions(
      j, pairs.firsts[e], pairs.firsts[e + 1], [&](int64_t first, int64_t n) __attribute__((always_inline)) {
        const int64_t left = exact_end - first, exact = left < 0 ? 0 : left < n ? left : n;
        product(j, *j.gate_kernel, {j.a.gate, weight_row(*j.a.gate, e, row), n_rows, up}, x + first, n, exact,
                j.results() + first, row);
        product(j, *j.up_kernel, {j.up, up, n_rows, next}, x + first, n, exact, j.tile(), 0);
        for (int64_t i = 0; i < n; ++i) {
          float* hidden = j.results()[first + i] + row;
          gate_values(hidden, j.tile()[i], hidden, n_rows);
          if (j.l.round_hidden)
            quantize_act_piece(hidden, row, n_rows, j.s.n_ff,
                               j.common + j.l.hidden_acts + (first + i) * act_bytes(j.s.n_ff));
        }
      });
}

void shared_hidden(const Job& j, int64_t begin, int64_t end) {
  const int64_t n = j.s.n_shared;
  for (int64_t t = begin; t < end; ++t) {
    float* hidden = j.in_common<float>(j.l.shared_hidden) + t * n;
    gate_values(j.a.shared_gate->f32(t), j.a.shared_up->f32(t), hidden, n);
    if (j.l.round_shared) quantize_act(hidden, n, j.common + j.l.shared_acts + t * act_bytes(n));
  }
}

// y of an exact token: the residual and its down products in the order of its choice, `rows` to an item.
void sum_choices(const Job& j, int64_t t, int64_t row, int64_t n_rows, int64_t rows) {
  float* y = j.a.y->f32(t) + row;
  const float* residual = j.a.residual == nullptr ? nullptr : j.a.residual->f32(t) + row;
  const float* weights = j.weights(t);
  const float* downs = down_row(j, t, 0, rows);
  int64_t i = 0;
  for (; i + kLanes <= n_rows; i += kLanes) {
    VF sum = residual == nullptr ? splat(0) : load(residual + i);
    for (int64_t k = 0; k < j.s.top_k; ++k) sum = fma(splat(weights[k]), load(downs + k * rows + i), sum);
    store(y + i, sum);
  }
  if (i == n_rows) return;
  const int64_t left = n_rows - i;
  VF sum = residual == nullptr ? splat(0) : load_part(residual + i, left);
  for (int64_t k = 0; k < j.s.top_k; ++k)
    sum = fma(splat(weights[k]), load_part(downs + k * rows + i, left), sum);
  store_part(y + i, sum, left);
}

// The experts' part of the columns [row, row + n_rows) of y.
void down_experts(const Job& j, int64_t n_active, int64_t row, int64_t n_rows, int64_t rows,
                  const uint8_t* after) {
  const MixtureSizes& s = j.s;
  const ExpertPairs pairs = j.pairs();
  const ActRow* hidden = j.in_member<ActRow>(j.l.hidden_rows);
  for (int64_t t = j.exact; t < j.n_tokens; ++t) {
    const auto bytes = static_cast<size_t>(n_rows) * sizeof(float);
    if (j.a.residual != nullptr)
      __builtin_memcpy(j.a.y->f32(t) + row, j.a.residual->f32(t) + row, bytes);
    else
      __builtin_memset(j.a.y->f32(t) + row, 0, bytes);
  }
  // Exact tokens kExactRows at a time, all others with the last of them.
  int64_t begin = 0, end;
  do {
    end = j.exact - begin < kExactRows ? j.exact : begin + kExactRows;
    for (int64_t i = 0; i < n_active; ++i) {
      const int64_t e = j.active()[i];
      const Rows w{j.a.down, weight_row(*j.a.down, e, row), n_rows,
                   i + 1 < n_active ? weight_row(*j.a.down, j.active()[i + 1], row) : after};
      const int64_t first = pairs.place(e, begin), others = pairs.place(e, end);
      if (others > first)
        product(j, *j.down_kernel, w, hidden + first, others - first, others - first, j.results() + first, 0);
      if (end < j.exact) continue;
      in_portions(
          j, others, pairs.firsts[e + 1], [&](int64_t at, int64_t n) __attribute__((always_inline)) {
            product(j, *j.down_kernel, w, hidden + at, n, 0, j.tile(), 0);
            for (int64_t p = 0; p < n; ++p) {
              const int64_t pair = pairs.order[at + p], t = pair / s.top_k;
              add_weighted(j.a.y->f32(t) + row, j.tile()[p], splat(j.weights(t)[pair % s.top_k]), n_rows);
            }
          });
    }
    for (int64_t t = begin; t < end; ++t) sum_choices(j, t, row, n_rows, rows);
    begin = end;
  } while (begin < j.exact);
}

void down_rows(const Job& j, int64_t n_active, int64_t row, int64_t n_rows, int64_t rows) {
  const MixtureSizes& s = j.s;
  const uint8_t* shared = s.n_shared == 0 ? nullptr
                                          : reinterpret_cast<const uint8_t*>(j.a.shared_down->data) +
                                                row * j.a.shared_down->stride[0];
  down_experts(j, n_active, row, n_rows, rows, shared);
  if (s.n_shared == 0) return;
  product(j, *j.shared_kernel, {j.a.shared_down, shared, n_rows, nullptr},
          j.in_member<ActRow>(j.l.shared_rows), j.n_tokens, j.exact, j.tile(), 0);
  for (int64_t t = 0; t < j.n_tokens; ++t)
    add_weighted(j.a.y->f32(t) + row, j.tile()[t], sigmoid(splat(j.a.shared_scale->f32(t)[0])), n_rows);
}

void phase_one(const Job& j, int64_t n_active, Worker& worker) {
  const MixtureSizes& s = j.s;
  // Items of the shared expert come first: they are short, the long ones then level out what they leave.
  const int64_t shared_tokens = s.n_shared == 0 ? 1 : s.n_shared < 8192 ? 8192 / s.n_shared : 1;
  const int64_t shared_items = s.n_shared == 0 ? 0 : (j.n_tokens + shared_tokens - 1) / shared_tokens;
  const int64_t rows = expert_item_rows(most_expert_rows(j.n_tokens), s.n_ff, n_active, worker.count());
  const int64_t pieces = (s.n_ff + rows - 1) / rows, total = shared_items + n_active * pieces;
  for (int64_t i = 0; i < j.n_tokens; ++i) j.tile()[i] = j.in_member<float>(j.l.tile) + i * rows;

  // Except near the end an item is claimed before the one in hand is done, so that its first rows can be
  // fetched.
  int64_t begin, end, ahead = -1;
  for (;;) {
    if (ahead >= 0) {
      begin = ahead;
      ahead = -1;
    } else if (!worker.claim(total, 1, begin, end)) {
      return;
    }
    if (begin < shared_items) {
      const int64_t t = begin * shared_tokens;
      shared_hidden(j, t, t + shared_tokens < j.n_tokens ? t + shared_tokens : j.n_tokens);
      continue;
    }
    const int64_t item = begin - shared_items, e = j.active()[item / pieces], row = item % pieces * rows;
    const uint8_t* next = nullptr;
    if (begin + 2 * worker.count() < total) {
      if (worker.claim(total, 1, ahead, end)) {
        const int64_t after = ahead - shared_items;
        if (after >= 0) next = weight_row(*j.a.gate, j.active()[after / pieces], after % pieces * rows);
      } else {
        ahead = -1;
      }
    }
    gate_and_up(j, e, row, s.n_ff - row < rows ? s.n_ff - row : rows, next);
  }
}

}  // namespace

int64_t mixture_workspace(const MixtureSizes& sizes, int n_threads) {
  return mixture_layout(sizes, n_threads).total;
}

int mixture_barriers(const MixtureSizes& sizes) {
  return mixture_layout(sizes, 1).alone ? 1 : 2;
}

void run_mixture(const MixtureSizes& s, const MixtureArgs& args, const StepRows& step, std::byte* workspace,
                 Worker& worker) {
  const MixtureLayout l = mixture_layout(s, worker.count());
  const bool fused = args.up == nullptr;
  const int64_t live = step.live_of(s.n_tokens);
  const Job j{.s = s,
              .a = args,
              .l = l,
              .n_tokens = live,
              .exact = step.exact_of(s.n_tokens),
              .up = fused ? args.gate : args.up,
              .up_first = fused ? s.n_ff : 0,
              .gate_kernel = find_linear(s.gate),
              .up_kernel = find_linear(s.up),
              .down_kernel = find_linear(s.down),
              .shared_kernel = s.n_shared > 0 ? find_linear(s.shared_down) : nullptr,
              .common = workspace,
              .member = workspace + l.members + worker.index() * l.member_bytes};
  if (l.alone) {
    prepare(j, 0, live);
  } else {
    prepare(j, live * worker.index() / worker.count(), live * (worker.index() + 1) / worker.count());
    worker.barrier();
  }
  const int64_t n_active = sort_pairs(j);
  set_rows(j);
  phase_one(j, n_active, worker);

  const int64_t rows = expert_item_rows(most_expert_rows(live), s.n_embd, 1, worker.count());
  const int64_t items = (s.n_embd + rows - 1) / rows;
  for (int64_t t = 0; t < live; ++t) j.tile()[t] = j.in_member<float>(l.tile) + t * rows;
  for (int64_t place = 0; place < live * s.top_k; ++place) {
    const int64_t pair = j.pairs().order[place], t = pair / s.top_k;
    if (t < j.exact) j.results()[place] = down_row(j, t, pair % s.top_k, rows);
  }
  worker.reset_claims();
  int64_t begin, end;
  while (worker.claim(items, 1, begin, end)) {
    const int64_t row = begin * rows;
    down_rows(j, n_active, row, s.n_embd - row < rows ? s.n_embd - row : rows, rows);
  }
}

}  // namespace gannet::GANNET_ISA_NS
