#include "backend/api/axes.h"
#include "ops/gather_rows/gather_rows.h"

namespace gannet {
namespace {

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &x = args.operands[0], &rows = args.operands[1], &y = args.results[0];
  DispatchArguments arguments;
  arguments.address(x.data)
      .address(y.data)
      .address(rows.data)
      .address(args.rows)
      .u32(step_of(x, 0))
      .u32(step_of(rows, 0))
      .u32(y.shape.dim[1])
      .u32(x.shape.dim[0])
      .u32(y.shape.dim[0]);
  const uint32_t constants[] = {kGroup};
  recorder.dispatch({"gather_rows", constants, groups_of_elements(y.shape.elements()), arguments.bytes()});
}

const char* refuses(const OpSite& site) {
  const char* const reason = too_large(site.operands[0]);
  return reason != nullptr ? reason : too_large(site.results[0]);
}

}  // namespace

extern const RecordedKernel recorded_gather_rows[] = {
    {"gather_rows", "elements", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
