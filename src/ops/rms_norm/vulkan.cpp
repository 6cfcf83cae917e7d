#include "backend/api/kernel_arguments.h"
#include "ops/rms_norm/rms_norm.h"

namespace gannet {
namespace {

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  DispatchArguments arguments;
  add_tensor(arguments, x);
  add_tensor(arguments, y);
  arguments.address(args.operands[1].data)
      .u32(y.shape.last())
      .u32(y.shape.rows())
      .f32(args.as<RmsNormAttrs>().eps);
  const uint32_t constants[] = {group_of_row(y.shape.last())};
  recorder.dispatch({"rms_norm", constants, groups_of(y.shape.rows()), arguments.bytes()});
}

}  // namespace

extern const RecordedKernel recorded_rms_norm[] = {
    {"rms_norm", "rows", DeviceKind::kVulkan, 0, nullptr, nullptr, record}, {}};

}  // namespace gannet
