#include <algorithm>

#include "backend/api/kernel_arguments.h"
#include "ops/router/router.h"

namespace gannet {
namespace {

constexpr int64_t kMostKept = 1024;  // experts of rows that shared memory has room for

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &logits = args.operands[0], &experts = args.results[0];
  const int64_t n = logits.shape.dim[1];
  DispatchArguments arguments;
  arguments.address(logits.data)
      .address(experts.data)
      .address(args.results[1].data)
      .u32(logits.stride[0] / 4)
      .u32(n)
      .u32(experts.shape.dim[1])
      .u32(experts.shape.dim[0]);
  const auto whole = [&](int64_t of) { return static_cast<uint32_t>((n + of - 1) / of * of); };
  const uint32_t group = n <= kMostKept ? std::min(whole(kGroup), 4 * kGroup) : group_of_row(n);
  const uint32_t constants[] = {group, n <= kMostKept ? whole(4) : 0};
  recorder.dispatch({"router", constants, groups_of(experts.shape.dim[0]), arguments.bytes()});
}

const char* refuses(const OpSite& site) {
  return too_large(site.operands[0]);
}

}  // namespace

extern const RecordedKernel recorded_router[] = {
    {"router", "rows", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
