// moe on the CPU: everything in one step, with one wait inside for few tokens. The work is in
// backend/cpu/experts.
#include "backend/api/kernel.h"
#include "backend/cpu/experts/experts.h"
#include "backend/cpu/experts/route.h"
#include "ops/moe/moe.h"
#include "ops/moe/operands.h"

namespace gannet::GANNET_ISA_NS {
namespace {

template <class Type>  // TensorType or TensorView
MixtureSizes sizes(const Type* o, const void* attrs) {
  const auto given = [&](int i) { return o[i].shape.rank != 0; };
  MixtureSizes s{};
  s.n_tokens = o[kX].shape.dim[0];
  s.n_embd = o[kX].shape.dim[1];
  s.n_ff = o[kDown].shape.dim[2];
  s.n_experts = o[kDown].shape.dim[0];
  s.top_k = static_cast<const MoeAttrs*>(attrs)->top_k;
  s.n_shared = given(kSharedDown) ? o[kSharedDown].shape.dim[1] : 0;
  s.routes = true;
  s.rounded = given(kQ);
  s.gate = o[kGate].dtype;
  s.up = o[given(kUp) ? kUp : kGate].dtype;
  s.down = o[kDown].dtype;
  s.shared_down = o[kSharedDown].dtype;
  return s;
}

const char* refuses(const OpSite& site) {
  return site.operands[kLogits].shape.dim[1] > kMostExpertsPerChoice * site.as<MoeAttrs>().top_k
             ? "too many experts for the chosen few"
             : nullptr;
}

int64_t workspace(const OpSite& site, int n_threads) {
  return mixture_workspace(sizes(site.operands, site.attrs), n_threads);
}

int barriers(const OpSite& site, int) {
  return mixture_barriers(sizes(site.operands, site.attrs));
}

void run(const KernelArgs& args, Worker& worker) {
  const auto operand = [&](int i) { return args.operands[i].data == nullptr ? nullptr : &args.operands[i]; };
  const MixtureArgs a{.x = operand(kX),
                      .q = operand(kQ),
                      .experts = nullptr,
                      .weights = nullptr,
                      .logits = operand(kLogits),
                      .gate = operand(kGate),
                      .up = operand(kUp),
                      .down = operand(kDown),
                      .shared_gate = operand(kSharedGate),
                      .shared_up = operand(kSharedUp),
                      .shared_down = operand(kSharedDown),
                      .shared_scale = operand(kSharedScale),
                      .residual = operand(kResidual),
                      .y = &args.results[0]};
  run_mixture(sizes(args.operands, args.attrs), a, args.rows, args.workspace, worker);
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(moe, {.op = "moe",
                     .name = GANNET_ISA_NAME,
                     .isa = GANNET_ISA_ENUM,
                     .priority = 1,
                     .refuses = GANNET_ISA_NS::refuses,
                     .workspace = GANNET_ISA_NS::workspace,
                     .run = GANNET_ISA_NS::run,
                     .barriers = GANNET_ISA_NS::barriers})
