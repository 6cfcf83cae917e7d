#include "backend/api/axes.h"
#include "ops/gather_columns/gather_columns.h"

namespace gannet {
namespace {

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &x = args.operands[0], &ids = args.operands[1], &y = args.results[0];
  DispatchArguments arguments;
  arguments.address(x.data)
      .address(y.data)
      .address(ids.data)
      .address(args.rows)
      .u32(step_of(x, 0))
      .u32(step_of(ids, 0))
      .u32(x.shape.dim[1])
      .u32(y.shape.dim[1])
      .u32(y.shape.dim[0]);
  const uint32_t constants[] = {kGroup};
  recorder.dispatch({"gather_columns", constants, groups_of((y.shape.elements() + kGroup - 1) / kGroup),
                     arguments.bytes()});
}

const char* refuses(const OpSite& site) {
  return too_large(site.operands[0]);
}

}  // namespace

extern const RecordedKernel recorded_gather_columns[] = {
    {"gather_columns", "elements", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
