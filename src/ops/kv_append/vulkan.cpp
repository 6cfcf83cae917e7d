#include "backend/api/kv_arguments.h"

namespace gannet {
namespace {

void record(const RecordArgs& args, Recorder& recorder) {
  record_kv_append(*args.operands[0].as<KvView>(), args.operands[1], args.operands[2], args.step, recorder);
}

}  // namespace

extern const RecordedKernel recorded_kv_append[] = {
    {"kv_append", "rows", DeviceKind::kVulkan, 0, nullptr, nullptr, record}, {}};

}  // namespace gannet
