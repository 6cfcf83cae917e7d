// Causal attention over a KV cache, the inside of the ops attention and attention_mixer: for few tokens over
// a long context (decode.cpp) and for many tokens (tiled.cpp).
#pragma once

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
};

// Workspace of both takes `n_rot` of the rotation, 0 when heads are ready.
inline constexpr int64_t kDecodeTokens = 8;  // the most tokens that attention_decode takes
int64_t attention_decode_workspace(const Shape& q, const Shape& k, int64_t n_rot, int n_threads);
void attention_decode(const AttentionUse& use, std::byte* workspace, Worker& worker);
inline constexpr int kDecodeBarriers = 2;

int64_t attention_tiled_workspace(const Shape& q, const Shape& k, int64_t n_rot, int n_threads);
void attention_tiled(const AttentionUse& use, std::byte* workspace, Worker& worker);
inline constexpr int kTiledBarriers = 1;

}  // namespace gannet::GANNET_ISA_NS
