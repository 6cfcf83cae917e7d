#include <algorithm>

#include "backend/api/axes.h"
#include "ops/binary/binary.h"

namespace gannet {
namespace {

// Heads that are shared are two axes; along one of them the side with fewer heads does not step.
void add_heads(Axes<2>& axes, HeadShare heads, int64_t a, int64_t b, Axes<2>::Steps steps) {
  const int64_t few = std::min(a, b), times = std::max(a, b) / few;
  const auto of_many = [&](int64_t n) {
    return Axes<2>::Steps{a < b ? 0 : n * steps[0], b < a ? 0 : n * steps[1]};
  };
  if (heads == HeadShare::kTiled) {
    axes.add(times, of_many(few));
    axes.add(few, steps);
  } else {
    axes.add(few, {a < b ? steps[0] : times * steps[0], b < a ? steps[1] : times * steps[1]});
    axes.add(times, of_many(1));
  }
}

template <uint32_t kOperator>
void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &a = args.operands[0], &b = args.operands[1], &y = args.results[0];
  Axes<2> axes;
  for (int axis = 0; axis < y.shape.rank; ++axis) {
    const int64_t n = a.shape.dim[axis], m = b.shape.dim[axis];
    if (n != m && n != 1 && m != 1)
      add_heads(axes, args.as<MulAttrs>().heads, n, m, {step_of(a, axis), step_of(b, axis)});
    else
      axes.add(y.shape.dim[axis], {n == 1 ? 0 : step_of(a, axis), m == 1 ? 0 : step_of(b, axis)});
  }
  DispatchArguments arguments;
  arguments.address(a.data).address(b.data).address(y.data).u32(y.shape.elements());
  axes.put(arguments);
  const uint32_t constants[] = {kGroup, axes.count(), kOperator};
  recorder.dispatch({"binary", constants, groups_of_elements(y.shape.elements()), arguments.bytes()});
}

const char* refuses(const OpSite& site) {
  return too_large(site.results[0]);
}

}  // namespace

extern const RecordedKernel recorded_binary[] = {
    {"add", "elements", DeviceKind::kVulkan, 0, refuses, nullptr, record<0>},
    {"sub", "elements", DeviceKind::kVulkan, 0, refuses, nullptr, record<1>},
    {"mul", "elements", DeviceKind::kVulkan, 0, refuses, nullptr, record<2>},
    {"div", "elements", DeviceKind::kVulkan, 0, refuses, nullptr, record<3>},
    {}};

}  // namespace gannet
