#include "backend/api/kernel_arguments.h"
#include "ops/router/router.h"

namespace gannet {
namespace {

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &logits = args.operands[0], &experts = args.results[0];
  DispatchArguments arguments;
  arguments.address(logits.data)
      .address(experts.data)
      .address(args.results[1].data)
      .u32(logits.stride[0] / 4)
      .u32(logits.shape.dim[1])
      .u32(experts.shape.dim[1])
      .u32(experts.shape.dim[0]);
  const uint32_t constants[] = {group_of_row(logits.shape.dim[1])};
  recorder.dispatch({"router", constants, groups_of(experts.shape.dim[0]), arguments.bytes()});
}

const char* refuses(const OpSite& site) {
  return too_large(site.operands[0]);
}

}  // namespace

extern const RecordedKernel recorded_router[] = {
    {"router", "rows", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
