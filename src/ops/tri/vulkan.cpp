#include "backend/api/axes.h"
#include "ops/tri/tri.h"

namespace gannet {
namespace {

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  const Axes<1> axes = axes_of(x);
  DispatchArguments arguments;
  arguments.address(x.data).address(y.data).u32(axes.elements());
  axes.put(arguments);
  arguments.u32(y.shape.dim[y.shape.rank - 2]).u32(y.shape.last());
  arguments.u32(args.as<TriAttrs>().keep == TriKeep::kLower ? 1 : 0);
  const uint32_t constants[] = {kGroup, axes.count()};
  recorder.dispatch({"tri", constants, groups_of_elements(axes.elements()), arguments.bytes()});
}

const char* refuses(const OpSite& site) {
  return too_large(site.results[0]);
}

}  // namespace

extern const RecordedKernel recorded_tri[] = {
    {"tri", "elements", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
