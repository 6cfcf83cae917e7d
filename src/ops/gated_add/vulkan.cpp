#include "backend/api/axes.h"
#include "ops/gated_add/gated_add.h"

namespace gannet {
namespace {

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &a = args.operands[0], &b = args.operands[1], &s = args.operands[2], &y = args.results[0];
  Axes<3> axes;
  axes.add(y.shape.dim[0], {step_of(a, 0), step_of(b, 0), step_of(s, 0)});
  axes.add(y.shape.dim[1], {1, 1, 0});
  DispatchArguments arguments;
  arguments.address(a.data).address(b.data).address(s.data).address(y.data).u32(axes.elements());
  axes.put(arguments);
  const uint32_t constants[] = {kGroup, axes.count()};
  recorder.dispatch({"gated_add", constants, groups_of_elements(axes.elements()), arguments.bytes()});
}

const char* refuses(const OpSite& site) {
  return too_large(site.results[0]);
}

}  // namespace

extern const RecordedKernel recorded_gated_add[] = {
    {"gated_add", "elements", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
