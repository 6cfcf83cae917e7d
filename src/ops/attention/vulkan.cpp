#include "backend/api/kv_arguments.h"
#include "ops/attention/attention.h"

namespace gannet {
namespace {

const char* refuses(const OpSite& site) {
  return site.operands[0].shape.last() > 512 ? "heads of more than 512" : nullptr;
}

void record(const RecordArgs& args, Recorder& recorder) {
  const KvView& kv = *args.operands[3].as<KvView>();
  record_kv_append(kv, args.operands[1], args.operands[2], args.step, recorder);
  recorder.barrier();

  const TensorView &q = args.operands[0], &gate = args.operands[4], &y = args.results[0];
  const int64_t n_heads = q.shape.dim[1];
  const bool gated = gate.data != nullptr;
  DispatchArguments arguments;
  arguments.address(q.data).address(gate.data).address(y.data);
  arguments.u32(q.stride[0] / 4).u32(q.stride[1] / 4);
  arguments.u32(gated ? gate.stride[0] / 4 : 0).u32(gated ? gate.stride[1] / 4 : 0);
  add_kv(arguments.address(args.step), kv).u32(n_heads).f32(args.as<AttentionAttrs>().scale);
  const uint32_t constants[] = {kGroup,
                                kv_type_number(kv.k_type),
                                kv_type_number(kv.v_type),
                                static_cast<uint32_t>(kv.head_dim),
                                kGroup,
                                gated ? 1u : 0u};
  recorder.dispatch({"attention", constants, groups_of(q.shape.dim[0] * n_heads), arguments.bytes()});
}

}  // namespace

extern const RecordedKernel recorded_attention[] = {
    {"attention", "online", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
