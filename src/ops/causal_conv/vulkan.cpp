#include "backend/api/recurrent_arguments.h"

namespace gannet {
namespace {

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &x = args.operands[0], &w = args.operands[1];
  const int64_t n_rows = x.shape.dim[0], n_channels = x.shape.dim[1];
  DispatchArguments arguments;
  arguments.address(args.results[0].data).address(args.step).address(x.data).address(w.data);
  add_recurrent(arguments, *args.operands[2].as<RecurrentView>()).u32(x.stride[0] / 4);
  arguments.u32(n_channels);
  const uint32_t constants[] = {kGroup, 0, 0, static_cast<uint32_t>(w.shape.dim[1])};
  recorder.dispatch({"causal_conv",
                     constants,
                     {(n_channels + kGroup - 1) / kGroup, segment_blocks(n_rows), 1},
                     arguments.bytes()});
}

// The first block of a segment writes the window, and no other may read it.
const char* refuses(const OpSite& site) {
  return site.operands[1].shape.dim[1] > kBlockRows ? "more than 8 taps" : nullptr;
}

}  // namespace

extern const RecordedKernel recorded_causal_conv[] = {
    {"causal_conv", "channels", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
