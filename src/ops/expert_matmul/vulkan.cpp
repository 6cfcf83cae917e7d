// expert_matmul and routed_experts, which is three of its products and what lies between them.
#include "backend/api/kernel_arguments.h"
#include "ops/weight_shaders.h"

namespace gannet {
namespace {

GANNET_WEIGHT_SHADERS(shader, "expert_matmul_")

constexpr uint32_t kOutputs = 2;
// As in the shader.
enum What : uint32_t { kProduct, kGateUp, kUp, kWeighted };

struct Product {
  What what = kProduct;
  const TensorView& x;  // a row per token, or with three axes per choice
  const TensorView& experts;
  const TensorView* weights;  // of the choices; null: they are not summed
  const TensorView& w;
  const TensorView* w_up;  // kGateUp
  int64_t up_row;          // of an expert's matrix: where those of w_up begin
  int64_t n_out;
  const TensorView& y;  // a row per choice, or if they are summed per token
};

bool aligned(const TensorView& x) {
  bool all = reinterpret_cast<uintptr_t>(x.data) % 16 == 0;
  for (int axis = 0; axis + 1 < x.shape.rank; ++axis) all &= x.stride[axis] % 16 == 0;
  return all;
}

void record(const Product& p, std::byte* rows, Recorder& recorder) {
  const int64_t n_tokens = p.experts.shape.dim[0], top_k = p.experts.shape.dim[1], n_in = p.w.shape.dim[2];
  DispatchArguments a;
  a.address(p.x.data).address(p.y.data).address(p.experts.data);
  a.address(p.weights == nullptr ? nullptr : p.weights->data).address(rows);
  a.address(p.w.data).address(p.w_up == nullptr ? nullptr : p.w_up->data);
  a.u32(n_in).u32(p.n_out).u32(n_tokens).u32(top_k);
  a.u32(p.w.shape.dim[0]).u32(p.w.shape.dim[1]).u32(p.up_row);
  a.u32(p.x.stride[0] / 4).u32(p.x.shape.rank == 3 ? p.x.stride[1] / 4 : 0);
  a.u32(p.n_out).u32(p.experts.stride[0] / 4).u32(p.weights == nullptr ? 0 : p.weights->stride[0] / 4);
  // Half of a group would have nothing to do.
  const uint32_t group = n_in <= 1024 ? kGroup / 2 : kGroup;
  const uint32_t constants[] = {group, kOutputs, aligned(p.x), p.what};
  const int64_t across = (p.n_out + kOutputs - 1) / kOutputs;
  const int64_t entries = p.weights == nullptr ? n_tokens * top_k : n_tokens;
  recorder.dispatch({shader(p.w.dtype), constants, groups_of(across * entries), a.bytes()});
}

const char* refuses(const OpSite& site) {
  for (int i = 0; i < site.n_operands; ++i)
    if (const char* why = too_many(site.operands[i])) return why;
  return too_many(site.results[0]);
}

void record_expert_matmul(const RecordArgs& args, Recorder& recorder) {
  const TensorView &x = args.operands[0], &w = args.operands[1], &ids = args.operands[2];
  record({kProduct, x, ids, nullptr, w, nullptr, 0, w.shape.dim[1], args.results[0]}, args.rows, recorder);
}

// Values between the products: a row per choice.
Shape hidden_shape(const Shape& experts, const Shape& down) {
  return Shape(experts.dim[0], experts.dim[1], down.dim[2]);
}

const char* refuses_routed(const OpSite& site) {
  if (const char* why = too_many({DType::kF32, hidden_shape(site.operands[1].shape, site.operands[5].shape)}))
    return why;
  return refuses(site);
}

int64_t workspace_routed(const OpSite& site, int) {
  return tensor_bytes(DType::kF32, hidden_shape(site.operands[1].shape, site.operands[5].shape));
}

void record_routed(const RecordArgs& args, Recorder& recorder) {
  const TensorView &x = args.operands[0], &experts = args.operands[1], &weights = args.operands[2];
  const TensorView &gate = args.operands[3], &up = args.operands[4], &down = args.operands[5];
  const TensorView hidden =
      contiguous_view(args.workspace, DType::kF32, hidden_shape(experts.shape, down.shape));
  const int64_t n_ff = down.shape.dim[2];
  if (up.data == nullptr) {
    record({kGateUp, x, experts, nullptr, gate, &gate, n_ff, n_ff, hidden}, args.rows, recorder);
  } else if (up.dtype == gate.dtype) {
    record({kGateUp, x, experts, nullptr, gate, &up, 0, n_ff, hidden}, args.rows, recorder);
  } else {
    record({kProduct, x, experts, nullptr, gate, nullptr, 0, n_ff, hidden}, args.rows, recorder);
    recorder.barrier();
    record({kUp, x, experts, nullptr, up, nullptr, 0, n_ff, hidden}, args.rows, recorder);
  }
  recorder.barrier();
  record({kWeighted, hidden, experts, &weights, down, nullptr, 0, down.shape.dim[1], args.results[0]},
         args.rows, recorder);
}

}  // namespace

extern const RecordedKernel recorded_expert_matmul[] = {
    {"expert_matmul", "choices", DeviceKind::kVulkan, 0, refuses, nullptr, record_expert_matmul},
    {"routed_experts", "choices", DeviceKind::kVulkan, 0, refuses_routed, workspace_routed, record_routed},
    {}};

}  // namespace gannet
