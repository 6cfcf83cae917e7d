// routed_experts on the CPU: the experts of a mixture with the choice given. The work is in
// backend/cpu/experts.
#include "backend/api/kernel.h"
#include "backend/cpu/experts/experts.h"

namespace gannet::GANNET_ISA_NS {
namespace {

template <class Type>  // TensorType or TensorView
MixtureSizes sizes(const Type* operands) {
  const Shape &x = operands[0].shape, &down = operands[5].shape;
  const bool fused = operands[4].shape.rank == 0;
  MixtureSizes s{};
  s.n_tokens = x.dim[0];
  s.n_embd = x.dim[1];
  s.n_ff = down.dim[2];
  s.n_experts = down.dim[0];
  s.top_k = operands[1].shape.dim[1];
  s.gate = operands[3].dtype;
  s.up = operands[fused ? 3 : 4].dtype;
  s.down = operands[5].dtype;
  return s;
}

int64_t workspace(const OpSite& site, int n_threads) {
  return mixture_workspace(sizes(site.operands), n_threads);
}

int barriers(const OpSite& site, int) {
  return mixture_barriers(sizes(site.operands));
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView* o = args.operands;
  MixtureArgs a{};
  a.x = &o[0];
  a.experts = &o[1];
  a.weights = &o[2];
  a.gate = &o[3];
  a.up = o[4].data == nullptr ? nullptr : &o[4];
  a.down = &o[5];
  a.y = &args.results[0];
  run_mixture(sizes(o), a, args.rows, args.workspace, worker);
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(routed_experts, {.op = "routed_experts",
                                .name = GANNET_ISA_NAME,
                                .isa = GANNET_ISA_ENUM,
                                .priority = 1,
                                .refuses = nullptr,
                                .workspace = GANNET_ISA_NS::workspace,
                                .run = GANNET_ISA_NS::run,
                                .barriers = GANNET_ISA_NS::barriers})
