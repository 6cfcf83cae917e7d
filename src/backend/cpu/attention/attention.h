// Causal attention over a KV cache, the inside of the ops attention and attention_mixer. One kernel does a
// step: rows that must be exact and the last few of a sequence go in small blocks over spans of the context
// (spans.cpp), the rest of a prompt in tiles of many rows (tiled.cpp).
#pragma once

#include "backend/api/kernel.h"
#include "backend/api/state_view.h"
#include "backend/cpu/rotation.h"

namespace gannet::GANNET_ISA_NS {

// What attention_mixer does to q and k first: RMS norm of every head, then rotation.
struct HeadMaking {
  const float *q_norm, *k_norm;
  float eps;
  const int32_t* positions;
  Rotation rotation;
};

struct AttentionUse {
  const TensorView *q, *k, *v, *y;
  const TensorView* gate;  // null: none
  const KvView* kv;
  float scale;
  const HeadMaking* making;  // null: q and k are ready
  int64_t exact;             // StepRows::exact
};

// Takes `n_rot` of the rotation, 0 when heads are ready.
int64_t attention_workspace(const Shape& q, const Shape& k, int64_t n_rot, int n_threads);
void run_attention(const AttentionUse& use, std::byte* workspace, Worker& worker);
inline constexpr int kAttentionBarriers = 2;

}  // namespace gannet::GANNET_ISA_NS
