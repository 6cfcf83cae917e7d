#include "backend/cpu/delta/conv.h"

namespace gannet::GANNET_ISA_NS {
namespace {

const char* refuses(const OpSite& site) {
  return site.operands[1].shape.dim[1] > kMaxTaps ? "more than 16 taps" : nullptr;
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &w = args.operands[1], &y = args.results[0];
  const RecurrentView& state = *args.operands[2].as<RecurrentView>();
  int64_t begin, end;
  while (worker.claim(x.shape.dim[1], kConvChannels, begin, end))
    conv_channels(x, w, state, begin, end - begin, y.f32(0) + begin, y.stride[0] / int64_t{sizeof(float)});
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(causal_conv, {"causal_conv", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, GANNET_ISA_NS::refuses,
                             nullptr, GANNET_ISA_NS::run})
