#include "backend/api/axes.h"
#include "ops/reduce_sum/reduce_sum.h"

namespace gannet {
namespace {

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  const auto axis = static_cast<int>(args.as<ReduceSumAttrs>().axis);
  Axes<1> axes;
  for (int k = 0; k < y.shape.rank; ++k) axes.add(y.shape.dim[k], {step_of(x, k)});
  const int64_t n = axes.elements();
  const bool by_group = axis == y.shape.rank - 1;
  DispatchArguments arguments;
  arguments.address(x.data).address(y.data).u32(n);
  axes.put(arguments);
  arguments.u32(x.shape.dim[axis]).u32(step_of(x, axis));
  const uint32_t constants[] = {by_group ? group_of_row(x.shape.dim[axis]) : kGroup, axes.count(), by_group};
  recorder.dispatch(
      {"reduce_sum", constants, groups_of(by_group ? n : (n + kGroup - 1) / kGroup), arguments.bytes()});
}

const char* refuses(const OpSite& site) {
  return too_large(site.operands[0]);
}

}  // namespace

extern const RecordedKernel recorded_reduce_sum[] = {
    {"reduce_sum", "sums", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
