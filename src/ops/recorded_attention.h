// Attention by a device with recordings: the shaders of attention, for the ops that contain it.
#pragma once

#include <cstdint>

#include "backend/api/recorder.h"
#include "backend/api/state_view.h"
#include "tensor/shape.h"

namespace gannet {

struct RecordedAttention {
  const TensorView &q, &gate, &y;  // gate without data: none
  const KvView& kv;                // K and V of the step's rows are stored already
  float scale;
  std::byte* step;
  std::byte* workspace;  // attention_workspace_bytes()
};

// Both by q's type; n_kv_heads as in the cache.
const char* refuses_recorded_attention(const TensorType& q);
int64_t attention_workspace_bytes(const TensorType& q, int64_t n_kv_heads);

void record_attention(const RecordedAttention& use, Recorder& recorder);

}  // namespace gannet
