// Workspace of a mixture, sizes of its work items, and what a member works with. Internal to experts.cpp.
#pragma once

#include "backend/cpu/experts/experts.h"
#include "backend/cpu/linear/expert_pairs.h"
#include "backend/cpu/linear/linear.h"

namespace gannet::GANNET_ISA_NS {

// As little as this every member rounds, or routes, for itself: cheaper than a barrier.
inline constexpr int64_t kRoundAlone = 8192, kRouteAlone = 1024;

// Byte offsets. Common to all: rounded x and the choice (when members share the work), hidden values, rounded
// hidden values, the same of the shared expert. Then per member: its own rounded x and choice, the list of
// pairs by expert, the list of experts that have any, pointers, a result tile, the down products of exact
// tokens, scratch of the products. Room for all tokens of the step, of which a run may use fewer.
struct MixtureLayout {
  bool round_x, round_hidden, round_shared;
  bool alone;                        // nothing is shared before phase 1
  int64_t x_acts, experts, weights;  // in the member's part if alone
  int64_t hidden, hidden_acts, shared_hidden, shared_acts;
  int64_t firsts, order, active, x_rows, hidden_rows, shared_rows, result_ptrs, tile_ptrs, tile, downs,
      scratch;
  int64_t members, member_bytes, total;
};

GANNET_INLINE MixtureLayout mixture_layout(const MixtureSizes& s, int n_threads) {
  const auto place = [](int64_t& cursor, int64_t bytes) {
    const int64_t at = cursor;
    cursor += (bytes + 63) / 64 * 64;
    return at;
  };
  const auto rounds = [](DType type) { return find_linear(type)->rounds; };
  const int64_t pairs = s.n_tokens * s.top_k;
  MixtureLayout l{};
  l.round_x = !s.rounded && (rounds(s.gate) || rounds(s.up));
  l.round_hidden = rounds(s.down);
  l.round_shared = s.n_shared > 0 && rounds(s.shared_down);
  l.alone = (!l.round_x || s.n_tokens * s.n_embd <= kRoundAlone) &&
            (!s.routes || s.n_tokens * s.n_experts <= kRouteAlone);

  int64_t common = 0, member = 0;
  int64_t& before = l.alone ? member : common;
  l.x_acts = place(before, l.round_x ? s.n_tokens * act_bytes(s.n_embd) : 0);
  l.experts = place(before, s.routes ? pairs * 4 : 0);
  l.weights = place(before, s.routes ? pairs * 4 : 0);
  l.hidden = place(common, pairs * s.n_ff * 4);
  l.hidden_acts = place(common, l.round_hidden ? pairs * act_bytes(s.n_ff) : 0);
  l.shared_hidden = place(common, s.n_tokens * s.n_shared * 4);
  l.shared_acts = place(common, l.round_shared ? s.n_tokens * act_bytes(s.n_shared) : 0);
  l.firsts = place(member, (s.n_experts + 1) * 4);
  l.order = place(member, pairs * 4);
  l.active = place(member, s.n_experts * 4);
  l.x_rows = place(member, pairs * static_cast<int64_t>(sizeof(ActRow)));
  l.hidden_rows = place(member, pairs * static_cast<int64_t>(sizeof(ActRow)));
  l.shared_rows = place(member, s.n_shared > 0 ? s.n_tokens * static_cast<int64_t>(sizeof(ActRow)) : 0);
  l.result_ptrs = place(member, pairs * 8);
  l.tile_ptrs = place(member, s.n_tokens * 8);
  l.tile = place(member, most_expert_results(s.n_tokens) * 4);
  l.downs =
      place(member, most_expert_results(s.n_tokens < kExactRows ? s.n_tokens : kExactRows) * s.top_k * 4);
  l.scratch = place(member, linear_scratch_bytes());
  l.members = common;
  l.member_bytes = member;
  l.total = common + n_threads * member;
  return l;
}

// What one member works with.
struct Job {
  const MixtureSizes& s;
  const MixtureArgs& a;
  const MixtureLayout& l;
  int64_t n_tokens, exact;  // of this run: those that are live, and how many of them must be exact
  const TensorView* up;     // gate again when they are one matrix
  int64_t up_first;         // row of `up` that goes with row 0 of gate
  const LinearKernel *gate_kernel, *up_kernel, *down_kernel, *shared_kernel;
  std::byte *common, *member;

  template <class T>
  GANNET_INLINE T* in_common(int64_t offset) const {
    return reinterpret_cast<T*>(common + offset);
  }
  template <class T>
  GANNET_INLINE T* in_member(int64_t offset) const {
    return reinterpret_cast<T*>(member + offset);
  }
  GANNET_INLINE ExpertPairs pairs() const {
    return {s.n_experts, s.top_k, in_member<int32_t>(l.firsts), in_member<int32_t>(l.order)};
  }
  GANNET_INLINE int32_t* active() const { return in_member<int32_t>(l.active); }  // experts with pairs
  // By place: in phase 1 the hidden values, in phase 2 the down products of exact tokens.
  GANNET_INLINE float** results() const { return in_member<float*>(l.result_ptrs); }
  GANNET_INLINE float** tile() const { return in_member<float*>(l.tile_ptrs); }

  GANNET_INLINE const int32_t* experts(int64_t t) const {
    if (s.routes)
      return reinterpret_cast<const int32_t*>((l.alone ? member : common) + l.experts) + t * s.top_k;
    return reinterpret_cast<const int32_t*>(a.experts->data + t * a.experts->stride[0]);
  }
  GANNET_INLINE const float* weights(int64_t t) const {
    if (s.routes)
      return reinterpret_cast<const float*>((l.alone ? member : common) + l.weights) + t * s.top_k;
    return a.weights->f32(t);
  }
  GANNET_INLINE std::byte* rounded_x(int64_t t) const {
    if (s.rounded) return a.q->data + t * a.q->stride[0];
    return (l.alone ? member : common) + l.x_acts + t * act_bytes(s.n_embd);
  }
};

}  // namespace gannet::GANNET_ISA_NS
