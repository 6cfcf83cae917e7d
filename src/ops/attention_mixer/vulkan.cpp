// attention_mixer: one dispatch for all that comes before attention, which follows.
#include <algorithm>
#include <array>
#include <bit>

#include "backend/api/kv_arguments.h"
#include "ir/op_def.h"
#include "ops/attention_mixer/attention_mixer.h"
#include "ops/attention_mixer/operands.h"
#include "ops/recorded_attention.h"
#include "ops/recorded_rotation.h"

namespace gannet {
namespace {

constexpr int64_t kMost = 65535;  // sizes have 16 bits

// Q after norm and rotation lies in front of attention's own workspace.
int64_t made_bytes(const TensorType& q) {
  return (type_bytes(q) + 63) / 64 * 64;
}

const char* refuses(const OpSite& site) {
  if (site.operands[kQ].shape.dim[1] > kMost) return "more heads than 16 bits count";
  if (const char* why = refuses_rotation(site.as<AttentionMixerAttrs>().rope)) return why;
  return refuses_recorded_attention(site.operands[kQ]);
}

int64_t workspace(const OpSite& site, int) {
  const TensorType& q = site.operands[kQ];
  return made_bytes(q) + attention_workspace_bytes(q, site.operands[kK].shape.dim[1]);
}

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView* o = args.operands;
  const TensorView &q = o[kQ], &k = o[kK], &v = o[kV];
  const auto& a = args.as<AttentionMixerAttrs>();
  const KvView& kv = *o[kKv].as<KvView>();
  const int64_t n_heads = q.shape.dim[1];
  const TensorView made = contiguous_view(args.workspace, q.dtype, q.shape);

  DispatchArguments arguments;
  for (const std::byte* at : {q.data, k.data, v.data, o[kQNorm].data, o[kKNorm].data, made.data})
    arguments.address(at);
  add_rotation(arguments.address(o[kPositions].data).address(args.step), a.rope);
  arguments.u32(kv.k_offset).u32(kv.v_offset).u32(kv.page_tokens);
  for (const TensorView* x : {&q, &k, &v}) arguments.u32(x->stride[0] / 4).u32(x->stride[1] / 4);
  arguments.u32(n_heads | kv.n_kv_heads << 16).u32(kv.head_dim | a.rope.n_rot / 2 << 16);
  arguments.f32(a.rope.magnitude);
  std::array<uint32_t, 4 + kRotationConstants> constants = {kGroup, kv_type_number(kv.k_type),
                                                            kv_type_number(kv.v_type)};
  std::ranges::copy(rotation_constants(a.rope), constants.begin() + 3);
  constants.back() = std::bit_cast<uint32_t>(a.eps);
  recorder.dispatch({"attention_mixer", constants, groups_of(q.shape.dim[0] * (n_heads + kv.n_kv_heads)),
                     arguments.bytes()});
  recorder.barrier();
  record_attention({.q = made,
                    .gate = o[kGate],
                    .y = args.results[0],
                    .kv = kv,
                    .scale = a.scale,
                    .step = args.step,
                    .workspace = args.workspace + made_bytes({q.dtype, q.shape})},
                   recorder);
}

}  // namespace

extern const RecordedKernel recorded_attention_mixer[] = {
    {"attention_mixer", "parts", DeviceKind::kVulkan, 0, refuses, workspace, record}, {}};

}  // namespace gannet
