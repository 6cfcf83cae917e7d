#include "backend/api/axes.h"
#include "ops/pad/pad.h"
#include "ops/recorded_copy.h"

namespace gannet {
namespace {

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  const auto& a = args.as<PadAttrs>();
  Axes<2> axes;
  Axes<1> behind;
  for (int k = 0; k < y.shape.rank; ++k) {
    axes.add(x.shape.dim[k], {step_of(x, k), step_of(y, k)});
    behind.add(k == a.axis ? a.after : y.shape.dim[k], {step_of(y, k)});
  }
  record_copy(recorder, x.data, y.data, axes);
  if (a.after == 0) return;
  const auto axis = static_cast<int>(a.axis);
  DispatchArguments arguments;
  arguments.address(y.data + x.shape.dim[axis] * y.stride[axis]).u32(behind.elements());
  behind.put(arguments);
  const uint32_t constants[] = {kGroup, behind.count()};
  recorder.dispatch({"pad", constants, groups_of_elements(behind.elements()), arguments.bytes()});
}

const char* refuses(const OpSite& site) {
  return too_large(site.results[0]);
}

}  // namespace

extern const RecordedKernel recorded_pad[] = {
    {"pad", "copy and zeros", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
