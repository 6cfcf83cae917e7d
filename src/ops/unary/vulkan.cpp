#include "backend/api/axes.h"
#include "ops/unary/unary.h"

namespace gannet {
namespace {

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  const Axes<1> axes = axes_of(x);
  DispatchArguments arguments;
  arguments.address(x.data).address(y.data).u32(axes.elements());
  axes.put(arguments);
  const uint32_t constants[] = {kGroup, axes.count(), static_cast<uint32_t>(args.as<UnaryAttrs>().function)};
  recorder.dispatch({"unary", constants, groups_of_elements(axes.elements()), arguments.bytes()});
}

const char* refuses(const OpSite& site) {
  return too_large(site.results[0]);
}

}  // namespace

extern const RecordedKernel recorded_unary[] = {
    {"unary", "elements", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
