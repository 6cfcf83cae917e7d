#include "backend/api/kernel_arguments.h"
#include "ops/softmax/softmax.h"

namespace gannet {
namespace {

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &x = args.operands[0], &mask = args.operands[1], &y = args.results[0];
  const bool masked = mask.data != nullptr, cached = args.operands[2].data != nullptr;
  DispatchArguments arguments;
  add_tensor(arguments, x);
  arguments.address(mask.data)
      .address(y.data)
      .address(args.step)
      .u32(masked ? mask.stride[0] / 4 : 0)
      .u32(y.shape.dim[y.shape.rank - 2])
      .u32(y.shape.last())
      .u32(y.shape.rows());
  const uint32_t constants[] = {group_of_row(y.shape.last()), masked, cached};
  recorder.dispatch({"softmax", constants, groups_of(y.shape.rows()), arguments.bytes()});
}

const char* refuses(const OpSite& site) {
  return too_large(site.results[0]);
}

}  // namespace

extern const RecordedKernel recorded_softmax[] = {
    {"softmax", "rows", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
