// Fusion passes: each replaces the decomposition of one op, as the passes before have left it, by the op.
// What is recognised is the op's own decomposition (passes/pattern.h), so there is nothing to say here but
// names.
#include "ops/attention/attention.h"
#include "ops/attention_mixer/attention_mixer.h"
#include "ops/causal_conv/causal_conv.h"
#include "ops/delta_mixer/delta_mixer.h"
#include "ops/gated_add/gated_add.h"
#include "ops/gated_delta_rule/gated_delta_rule.h"
#include "ops/gated_rms_norm/gated_rms_norm.h"
#include "ops/linear/linear.h"
#include "ops/moe/moe.h"
#include "ops/norm_quantize/norm_quantize.h"
#include "ops/rms_norm/rms_norm.h"
#include "ops/routed_experts/routed_experts.h"
#include "ops/router/router.h"
#include "ops/swiglu/swiglu.h"
#include "passes/pattern.h"

namespace gannet {
namespace {

template <const OpDef& op>
void fuse(GraphEdit& edit, PassContext& context) {
  fuse_op(edit, op, context);
}

void fuse_delta_mixer(GraphEdit& edit, PassContext& context) {
  fuse_op(edit, kOp_delta_mixer, context, [](const TensorType& result, const Capabilities& can) {
    return result.shape.dim[0] <= can.delta_mixer_tokens;
  });
}

}  // namespace

extern const Pass kPass_fuse_rms_norm = {"fuse_rms_norm", "RMS norm and its weight as one step.", false,
                                         fuse<kOp_rms_norm>};
extern const Pass kPass_fuse_gated_rms_norm = {
    "fuse_gated_rms_norm", "RMS norm and multiplication with SiLU of the gate as one step.", false,
    fuse<kOp_gated_rms_norm>};
extern const Pass kPass_fuse_swiglu = {"fuse_swiglu", "SiLU of the gate times up as one step.", false,
                                       fuse<kOp_swiglu>};
extern const Pass kPass_fuse_router = {"fuse_router",
                                       "Softmax over the experts, top-k and renormalisation as one step.",
                                       false, fuse<kOp_router>};
extern const Pass kPass_fuse_experts = {
    "fuse_experts", "Gate, up, SwiGLU, down and weighted sum of the chosen experts as one step.", false,
    fuse<kOp_routed_experts>};
extern const Pass kPass_fuse_gated_add = {
    "fuse_gated_add", "The shared expert's gate and its addition as one step.", false, fuse<kOp_gated_add>};
extern const Pass kPass_fuse_conv = {"fuse_conv", "Window, convolution, SiLU and the new window as one step.",
                                     false, fuse<kOp_causal_conv>};
extern const Pass kPass_fuse_delta_rule = {
    "fuse_delta_rule", "L2 norms, gates and the recurrence of Gated DeltaNet as one step.", false,
    fuse<kOp_gated_delta_rule>};
extern const Pass kPass_fuse_attention = {
    "fuse_attention",
    "Cache append, scores, softmax, weighted sum and output gate as one step that reads the cache in place.",
    false, fuse<kOp_attention>};
extern const Pass kPass_fuse_delta_mixer = {
    "fuse_delta_mixer", "Convolution, delta rule and gated norm of few tokens as one step.", false,
    fuse_delta_mixer};
extern const Pass kPass_fuse_attention_mixer = {
    "fuse_attention_mixer", "Norms and rotation of queries and keys as part of attention.", false,
    fuse<kOp_attention_mixer>};
extern const Pass kPass_fuse_moe = {
    "fuse_moe", "Router, routed and shared experts and the residual addition as one step.", false,
    fuse<kOp_moe>};
extern const Pass kPass_fuse_residual = {
    "fuse_residual", "The residual addition as part of the projection before it.", false, fuse<kOp_linear>};
extern const Pass kPass_fuse_norm_quantize = {
    "fuse_norm_quantize", "RMS norm and the rounding of its result to 8 bits as one step.", false,
    fuse<kOp_norm_quantize>};

}  // namespace gannet
