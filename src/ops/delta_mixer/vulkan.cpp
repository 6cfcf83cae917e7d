#include "ops/delta_mixer/delta_mixer.h"
#include "ops/delta_mixer/operands.h"
#include "ops/recorded_delta.h"

namespace gannet {
namespace {

// Of an OpSite's or of RecordArgs' operands.
template <class T>
DeltaRecording recording(const T* operands, HeadMap map) {
  const Shape& qkv = operands[kQkv].shape;
  const int64_t s = operands[kNorm].shape.dim[0], heads = operands[kA].shape.dim[0];
  return {qkv.dim[0], (qkv.dim[1] / s - heads) / 2, heads, s, map == HeadMap::kTiled};
}

// The convolved v lies behind what the delta rule has in the workspace.
float* convolved(const DeltaRecording& n, std::byte* workspace) {
  return reinterpret_cast<float*>(workspace) + n.floats();
}

// The first block of a segment writes the window of the convolution, and no other block may read it.
const char* refuses(const OpSite& site) {
  if (site.operands[kTaps].shape.dim[1] > kBlockRows) return "more than 8 taps";
  return DeltaRecording::refuses(site.operands[kNorm].shape.dim[0]);
}

int64_t workspace(const OpSite& site, int) {
  const DeltaRecording n = recording(site.operands, HeadMap::kTiled);
  return (n.floats() + n.n_rows * n.heads * n.s) * int64_t{sizeof(float)};
}

void record(const RecordArgs& args, Recorder& recorder) {
  const auto& attrs = args.as<DeltaMixerAttrs>();
  const DeltaRecording n = recording(args.operands, attrs.heads);
  const auto& state = *args.operands[kDelta].as<RecurrentView>();
  const TensorView &x = args.operands[kQkv], &z = args.operands[kZ];
  const auto s = static_cast<uint32_t>(n.s);
  float* const v = convolved(n, args.workspace);
  {
    DispatchArguments arguments;
    n.add_inputs(arguments, args, {kAlpha, kBeta, kA, kDt}, state, attrs.eps);
    arguments.address(v).address(x.data).address(args.operands[kTaps].data);
    add_recurrent(arguments, *args.operands[kConv].as<RecurrentView>()).u32(x.stride[0] / 4);
    const uint32_t constants[] = {n.group_of_inputs(), s, n.tiled,
                                  static_cast<uint32_t>(args.operands[kTaps].shape.dim[1])};
    recorder.dispatch({"mixer_inputs",
                       constants,
                       {2 * n.key_heads + n.heads, segment_blocks(n.n_rows), 1},
                       arguments.bytes()});
    recorder.barrier();
  }
  const auto add_norm = [&](DispatchArguments& arguments) {
    arguments.address(z.data).address(args.operands[kNorm].data).u32(z.stride[0] / 4).f32(attrs.eps);
  };
  const DeltaRecording::Values values{v, n.heads * n.s, n.s};
  if (n.chunks()) {
    n.record_chunks(args, state, values, recorder);
    DispatchArguments arguments;
    arguments.address(args.results[0].data).address(args.step).address(args.rows).u32(n.n_rows).u32(n.heads);
    add_norm(arguments);
    const uint32_t constants[] = {n.group_of_rows(), s};
    recorder.dispatch({"mixer_norm", constants, {n.heads, segment_blocks(n.n_rows), 1}, arguments.bytes()});
  }
  n.record_rows("mixer_rows", args, state, values, recorder, add_norm);
}

}  // namespace

extern const RecordedKernel recorded_delta_mixer[] = {
    {"delta_mixer", "by_head", DeviceKind::kVulkan, 0, refuses, workspace, record}, {}};

}  // namespace gannet
