#include <algorithm>

#include "backend/api/recurrent_arguments.h"
#include "ops/gated_delta_rule/gated_delta_rule.h"
#include "ops/gated_delta_rule/operands.h"

namespace gannet {
namespace {

// A row of the state in registers is as long as a head.
const char* refuses(const OpSite& site) {
  const int64_t s = site.operands[kQ].shape.last();
  return s > 128 || s % 4 != 0 ? "heads of more than 128 or no multiple of 4" : nullptr;
}

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &q = args.operands[kQ], &v = args.operands[kV];
  const int64_t n_rows = q.shape.dim[0], key_heads = q.shape.dim[1], s = q.shape.dim[2],
                heads = v.shape.dim[1];
  const auto& attrs = args.as<GatedDeltaRuleAttrs>();
  DispatchArguments arguments;
  for (const int operand : {kQ, kK, kV, kAlpha, kBeta, kA, kDt})
    arguments.address(args.operands[operand].data);
  arguments.address(args.results[0].data).address(args.step);
  add_recurrent(arguments, *args.operands[kState].as<RecurrentView>())
      .u32(heads)
      .u32(key_heads)
      .f32(attrs.eps);
  for (const int operand : {kQ, kK, kV, kAlpha, kBeta}) arguments.u32(args.operands[operand].stride[0] / 4);
  for (const int operand : {kQ, kK, kV}) arguments.u32(args.operands[operand].stride[1] / 4);
  const uint32_t constants[] = {kGroup, static_cast<uint32_t>(s), attrs.heads == HeadMap::kTiled ? 1u : 0u};
  recorder.dispatch({"gated_delta_rule",
                     constants,
                     {heads * ((s + kGroup - 1) / kGroup), std::min(n_rows, kMostSegmentGroups), 1},
                     arguments.bytes()});
}

}  // namespace

extern const RecordedKernel recorded_gated_delta_rule[] = {
    {"gated_delta_rule", "recurrent", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
