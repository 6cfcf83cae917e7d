#include "backend/api/kernel_arguments.h"
#include "ops/top_k/top_k.h"

namespace gannet {
namespace {

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  DispatchArguments arguments;
  arguments.address(x.data)
      .address(y.data)
      .u32(x.stride[0] / 4)
      .u32(x.shape.dim[1])
      .u32(y.shape.dim[1])
      .u32(y.shape.dim[0]);
  const uint32_t constants[] = {group_of_row(x.shape.dim[1])};
  recorder.dispatch({"top_k", constants, groups_of(y.shape.dim[0]), arguments.bytes()});
}

const char* refuses(const OpSite& site) {
  return too_large(site.operands[0]);
}

}  // namespace

extern const RecordedKernel recorded_top_k[] = {
    {"top_k", "rows", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
