// The routed experts of a layer as dispatches, for kernels that are made of them.
#pragma once

#include "backend/api/recorder.h"
#include "ops/weight_shaders.h"

namespace gannet {

struct RoutedExperts {
  const TensorView& x;                  // F32[n_tokens, n_embd]
  const TensorView &experts, &weights;  // I32 and F32[n_tokens, top_k]
  const TensorView &gate, &up, &down;   // up has no data: it is behind gate in the same matrices
  const TensorView& y;                  // F32[n_tokens, n_embd]
  const TensorView* base;               // as y, or y itself: what the sum is added to; null: nothing
};

// Which operands of an op they are.
struct RoutedPlaces {
  int x, gate, up, down;
};

// `experts` and `down`: their shapes.
const char* refuses_routed_experts(const OpSite& site, const Shape& experts, const Shape& down);
int64_t routed_experts_workspace(const OpSite& site, const RoutedPlaces& at, const Shape& experts,
                                 Tiles tiles);
// The first barrier that this records makes what was written to `base` seen.
void record_routed_experts(const RoutedExperts& of, Tiles tiles, std::byte* rows, std::byte* workspace,
                           Recorder& recorder);

}  // namespace gannet
