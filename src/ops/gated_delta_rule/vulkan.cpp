#include "ops/gated_delta_rule/operands.h"
#include "ops/recorded_delta.h"

namespace gannet {
namespace {

// Of an OpSite's or of RecordArgs' operands.
template <class T>
DeltaRecording recording(const T* operands, HeadMap heads) {
  const Shape &q = operands[kQ].shape, &v = operands[kV].shape;
  return {q.dim[0], q.dim[1], v.dim[1], q.dim[2], heads == HeadMap::kTiled};
}

const char* refuses(const OpSite& site) {
  return DeltaRecording::refuses(site.operands[kQ].shape.last());
}

int64_t workspace(const OpSite& site, int) {
  return recording(site.operands, HeadMap::kTiled).floats() * int64_t{sizeof(float)};
}

void record(const RecordArgs& args, Recorder& recorder) {
  const auto& attrs = args.as<GatedDeltaRuleAttrs>();
  const DeltaRecording n = recording(args.operands, attrs.heads);
  const auto& state = *args.operands[kState].as<RecurrentView>();
  DispatchArguments arguments;
  n.add_inputs(arguments, args, {kAlpha, kBeta, kA, kDt}, state, attrs.eps);
  for (const int operand : {kQ, kK}) arguments.address(args.operands[operand].data);
  for (const int operand : {kQ, kK})
    arguments.u32(args.operands[operand].stride[0] / 4).u32(args.operands[operand].stride[1] / 4);
  const uint32_t constants[] = {n.group_of_inputs(), static_cast<uint32_t>(n.s), n.tiled};
  recorder.dispatch(
      {"delta_inputs", constants, {2 * n.key_heads, segment_blocks(n.n_rows), 1}, arguments.bytes()});
  recorder.barrier();

  const TensorView& v = args.operands[kV];
  const DeltaRecording::Values values{v.as<float>(), v.stride[0] / 4, v.stride[1] / 4};
  if (n.chunks()) n.record_chunks(args, state, values, recorder);
  n.record_rows("delta_rows", args, state, values, recorder, [](DispatchArguments&) {});
}

}  // namespace

extern const RecordedKernel recorded_gated_delta_rule[] = {
    {"gated_delta_rule", "by_head", DeviceKind::kVulkan, 0, refuses, workspace, record}, {}};

}  // namespace gannet
