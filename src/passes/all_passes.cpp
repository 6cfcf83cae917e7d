// The pipeline reads as a table of contents. First what the published definition moves around for nothing,
// then the ops it is made of, then what crosses the borders of ops, then what belongs to the weights.
#include "passes/pass.h"

namespace gannet {

#define GANNET_PASSES(X)                                                                          \
  X(legalise_params)                                                                              \
  X(elide_empty)                                                                                  \
  X(cancel_transposes)                                                                            \
  X(eliminate_copies) /* after the transposes: what cancelled needs no copy */                    \
  X(broadcast_repeats)                                                                            \
  X(mask_predicates)                                                                              \
  X(hoist_chunk_invariants) /* after the masks: a triangle is a row-wise op, a mask an operand */ \
  X(pass_destinations)                                                                            \
  X(fuse_rms_norm)                                                                                \
  X(fuse_gated_rms_norm) /* made of rms_norm */                                                   \
  X(fuse_swiglu)                                                                                  \
  X(fuse_router)                                                                                  \
  X(fuse_experts) /* made of swiglu */                                                            \
  X(fuse_gated_add)                                                                               \
  X(fuse_conv)                                                                                    \
  X(fuse_delta_rule)                                                                              \
  X(fuse_attention)                                                                               \
  X(last_rows_only)       /* before the experts of the last layer hide in moe */                  \
  X(fuse_delta_mixer)     /* made of conv, delta rule and gated norm */                           \
  X(fuse_attention_mixer) /* made of attention, norms and rope */                                 \
  X(fuse_moe)             /* made of router, experts, swiglu and gated add */                     \
  X(fuse_residual)                                                                                \
  X(quantize_once) /* after the fusions: they look for products, not for rounded ones */          \
  X(fuse_norm_quantize)                                                                           \
  X(merge_projections)                                                                            \
  X(eliminate_dead)

#define GANNET_DECLARE(name) extern const Pass kPass_##name;
GANNET_PASSES(GANNET_DECLARE)

std::span<const Pass* const> all_passes() {
#define GANNET_ADDRESS(name) &kPass_##name,
  static const Pass* const passes[] = {GANNET_PASSES(GANNET_ADDRESS)};
  return passes;
}

}  // namespace gannet
