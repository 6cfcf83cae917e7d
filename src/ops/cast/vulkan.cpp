#include "backend/api/axes.h"
#include "ops/cast/cast.h"

namespace gannet {
namespace {

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  DispatchArguments arguments;
  arguments.address(x.data).address(y.data).u32(y.shape.elements());
  const uint32_t constants[] = {kGroup, static_cast<uint32_t>(dtype_info(x.dtype).gguf_id)};
  recorder.dispatch({"cast", constants, groups_of_elements(y.shape.elements()), arguments.bytes()});
}

const char* refuses(const OpSite& site) {
  return too_large(site.results[0]);
}

}  // namespace

extern const RecordedKernel recorded_cast[] = {
    {"cast", "elements", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
