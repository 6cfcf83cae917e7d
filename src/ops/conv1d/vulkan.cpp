#include "backend/api/axes.h"
#include "ops/conv1d/conv1d.h"

namespace gannet {
namespace {

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &x = args.operands[0], &w = args.operands[1], &y = args.results[0];
  const int64_t n = y.shape.elements();
  DispatchArguments arguments;
  arguments.address(x.data)
      .address(w.data)
      .address(y.data)
      .u32(step_of(x, 0))
      .u32(n)
      .u32(y.shape.dim[1])
      .u32(w.shape.dim[1]);
  const uint32_t constants[] = {kGroup, args.as<Conv1dAttrs>().time == Conv1dTime::kLast};
  recorder.dispatch({"conv1d", constants, groups_of((n + kGroup - 1) / kGroup), arguments.bytes()});
}

const char* refuses(const OpSite& site) {
  return too_large(site.operands[0]);
}

}  // namespace

extern const RecordedKernel recorded_conv1d[] = {
    {"conv1d", "elements", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
