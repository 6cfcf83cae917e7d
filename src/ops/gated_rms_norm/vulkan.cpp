#include "backend/api/kernel_arguments.h"
#include "ops/gated_rms_norm/gated_rms_norm.h"

namespace gannet {
namespace {

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  DispatchArguments arguments;
  add_tensor(arguments, x);
  add_tensor(arguments, args.operands[2]);
  arguments.address(args.operands[1].data)
      .address(y.data)
      .u32(y.shape.last())
      .u32(y.shape.rows())
      .f32(args.as<GatedRmsNormAttrs>().eps);
  const uint32_t constants[] = {group_of_row(y.shape.last())};
  recorder.dispatch({"gated_rms_norm", constants, groups_of(y.shape.rows()), arguments.bytes()});
}

const char* refuses(const OpSite& site) {
  return too_large(site.results[0]);
}

}  // namespace

extern const RecordedKernel recorded_gated_rms_norm[] = {
    {"gated_rms_norm", "rows", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
