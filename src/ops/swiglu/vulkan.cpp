#include "backend/api/axes.h"
#include "ops/swiglu/swiglu.h"

namespace gannet {
namespace {

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &gate = args.operands[0], &up = args.operands[1], &y = args.results[0];
  const Axes<2> axes = axes_of(gate, up);
  DispatchArguments arguments;
  arguments.address(gate.data).address(up.data).address(y.data).u32(axes.elements());
  axes.put(arguments);
  const uint32_t constants[] = {kGroup, axes.count()};
  recorder.dispatch({"swiglu", constants, groups_of_elements(axes.elements()), arguments.bytes()});
}

const char* refuses(const OpSite& site) {
  return too_large(site.results[0]);
}

}  // namespace

extern const RecordedKernel recorded_swiglu[] = {
    {"swiglu", "elements", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
