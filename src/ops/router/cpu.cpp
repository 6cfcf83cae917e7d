// router: the tokens split over the members; the choice itself is shared with the fused mixture.
#include "backend/api/kernel.h"
#include "backend/cpu/experts/route.h"
#include "ops/router/router.h"

namespace gannet::GANNET_ISA_NS {
namespace {

const char* refuses(const OpSite& site) {
  return site.operands[0].shape.dim[1] > kMostExpertsPerChoice * site.as<RouterAttrs>().top_k
             ? "too many experts for the chosen few"
             : nullptr;
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &logits = args.operands[0], &experts = args.results[0], &weights = args.results[1];
  int64_t begin, end;
  while (worker.claim(logits.shape.dim[0], 16, begin, end))
    for (int64_t t = begin; t < end; ++t)
      route_token(logits.f32(t), logits.shape.dim[1], args.as<RouterAttrs>().top_k,
                  reinterpret_cast<int32_t*>(experts.data + t * experts.stride[0]), weights.f32(t));
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(router, {.op = "router",
                        .name = GANNET_ISA_NAME,
                        .isa = GANNET_ISA_ENUM,
                        .priority = 1,
                        .refuses = GANNET_ISA_NS::refuses,
                        .workspace = nullptr,
                        .run = GANNET_ISA_NS::run})
