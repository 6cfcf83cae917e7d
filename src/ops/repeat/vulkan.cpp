#include "ops/recorded_copy.h"
#include "ops/repeat/repeat.h"

namespace gannet {
namespace {

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  const auto& a = args.as<RepeatAttrs>();
  Axes<2> axes;
  for (int k = 0; k < y.shape.rank; ++k) {
    const int64_t n = x.shape.dim[k], from = step_of(x, k), to = step_of(y, k);
    if (k != a.axis) {
      axes.add(n, {from, to});
    } else if (a.kind == RepeatKind::kTile) {
      axes.add(a.times, {0, n * to});
      axes.add(n, {from, to});
    } else {
      axes.add(n, {from, a.times * to});
      axes.add(a.times, {0, to});
    }
  }
  record_copy(recorder, x.data, y.data, axes);
}

const char* refuses(const OpSite& site) {
  return too_large(site.results[0]);
}

}  // namespace

extern const RecordedKernel recorded_repeat[] = {
    {"repeat", "copies", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
