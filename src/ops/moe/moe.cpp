#include "ops/moe/moe.h"

#include <cstring>

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/binary/binary.h"
#include "ops/gated_add/gated_add.h"
#include "ops/matmul/matmul.h"
#include "ops/moe/operands.h"
#include "ops/routed_experts/routed_experts.h"
#include "ops/router/router.h"
#include "ops/rules.h"
#include "ops/swiglu/swiglu.h"
#include "ops/weight_type.h"
#include "tensor/act8.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"x"},
                                    {"q", true, Access::kDense},
                                    {"logits"},
                                    {"gate", false, Access::kDense},
                                    {"up", true, Access::kDense},
                                    {"down", false, Access::kDense},
                                    {"shared_gate", true},
                                    {"shared_up", true},
                                    {"shared_down", true, Access::kDense},
                                    {"shared_scale", true},
                                    {"residual", true}};
constexpr AttrDef kAttrs[] = {{"top_k", AttrKind::kInt, offsetof(MoeAttrs, top_k)}};

bool given(const OpSite& site, int i) {
  return site.operands[i].shape.rank != 0;
}

Result<void> check_experts(const OpSite& site) {
  const auto bad = [](std::string what) { return shape_error(kOp_moe, what); };
  const TensorType &x = site.operands[kX], &logits = site.operands[kLogits];
  for (const int i : {kGate, kUp, kDown}) {
    const TensorType& m = site.operands[i];
    if (given(site, i) && (!is_weight_type(m.dtype) || m.shape.rank != 3 || !whole_blocks(m)))
      return bad(fmt::format("{} {} must have rank 3, a weight type and rows of whole blocks",
                             operand_name(kOp_moe, i), to_text(m)));
  }
  const Shape &down = site.operands[kDown].shape, &gate = site.operands[kGate].shape;
  const bool fused = !given(site, kUp);
  const Shape wanted(down.dim[0], fused ? 2 * down.dim[2] : down.dim[2], x.shape.dim[1]);
  if (down.dim[1] != x.shape.dim[1])
    return bad(fmt::format("down {} does not give rows of {} like x", to_text(site.operands[kDown]),
                           x.shape.dim[1]));
  if (gate != wanted || (!fused && site.operands[kUp].shape != wanted))
    return bad(fmt::format("gate {} and up {} must be [{}, {}, {}] to go with down",
                           to_text(site.operands[kGate]), to_text(site.operands[kUp]), wanted.dim[0],
                           wanted.dim[1], wanted.dim[2]));
  GANNET_TRY(expect_type(kOp_moe, site, kLogits, {DType::kF32, Shape(x.shape.dim[0], down.dim[0])},
                         "(one per token and expert)"));
  const int64_t top_k = site.as<MoeAttrs>().top_k;
  if (top_k < 1 || top_k > down.dim[0])
    return bad(fmt::format("top_k = {} is not in 1 .. {}, the experts of logits {}", top_k, down.dim[0],
                           to_text(logits)));
  return {};
}

Result<void> check_shared(const OpSite& site) {
  const int64_t n_tokens = site.operands[kX].shape.dim[0], n_embd = site.operands[kX].shape.dim[1];
  int count = 0;
  for (const int i : {kSharedGate, kSharedUp, kSharedDown, kSharedScale}) count += given(site, i);
  if (count == 0) return {};
  if (count != 4)
    return shape_error(kOp_moe, "of the shared expert all four operands must be given, or none");
  const TensorType& down = site.operands[kSharedDown];
  if (!is_weight_type(down.dtype) || down.shape.rank != 2 || down.shape.dim[0] != n_embd ||
      !whole_blocks(down))
    return shape_error(kOp_moe, fmt::format("shared_down {} must be [{}, n_shared] of a weight type",
                                            to_text(down), n_embd));
  const TensorType hidden{DType::kF32, Shape(n_tokens, down.shape.dim[1])};
  GANNET_TRY(expect_type(kOp_moe, site, kSharedGate, hidden, "to go with shared_down"));
  GANNET_TRY(expect_type(kOp_moe, site, kSharedUp, hidden, "to go with shared_down"));
  return expect_type(kOp_moe, site, kSharedScale, {DType::kF32, Shape(n_tokens, 1)}, "(one per token)");
}

Result<std::vector<TensorType>> infer(const OpSite& site) {
  const TensorType& x = site.operands[kX];
  GANNET_TRY(expect_f32(kOp_moe, site, kX));
  GANNET_TRY(expect_rank(kOp_moe, site, kX, 2, "[n_tokens, n_embd]"));
  GANNET_TRY(check_experts(site));
  GANNET_TRY(check_shared(site));
  GANNET_TRY(expect_type(kOp_moe, site, kQ, {DType::kAct8, Shape(x.shape.dim[0], act_padded(x.shape.dim[1]))},
                         "(the rounded rows of x)"));
  GANNET_TRY(expect_type(kOp_moe, site, kResidual, x, "like x"));
  return std::vector<TensorType>{x};
}

// Weight bytes of the experts: those that must be read if the choices are spread as evenly as they can be.
Cost cost(const OpSite& site) {
  const Shape &x = site.operands[kX].shape, &down = site.operands[kDown].shape;
  const int64_t n_experts = down.dim[0], pairs = x.dim[0] * site.as<MoeAttrs>().top_k;
  const auto bytes = [&](int i) { return given(site, i) ? type_bytes(site.operands[i]) : 0; };
  const int64_t n_shared = given(site, kSharedDown) ? site.operands[kSharedDown].shape.dim[1] : 0;
  Cost cost;
  cost.weight_bytes =
      (bytes(kGate) + bytes(kUp) + bytes(kDown)) / n_experts * (pairs < n_experts ? pairs : n_experts) +
      bytes(kSharedDown);
  cost.activation_bytes = bytes(given(site, kQ) ? kQ : kX) + bytes(kLogits) + bytes(kSharedGate) +
                          bytes(kSharedUp) + bytes(kSharedScale) + bytes(kResidual) + bytes(kX);
  cost.flops = pairs * (6 * down.dim[1] * down.dim[2] + 4 * down.dim[2]) +
               x.dim[0] * (n_shared * (2 * x.dim[1] + 21) + 4 * n_experts + 2 * x.dim[1]);
  return cost;
}

std::vector<ValueId> decompose(GraphBuilder& builder, const OpSite& site, std::span<const ValueId> operands,
                               const DecomposeContext&) {
  const Routing routing = router(builder, operands[kLogits], site.as<MoeAttrs>().top_k);
  ValueId y = routed_experts(builder, operands[kX], routing.experts, routing.weights, operands[kGate],
                             operands[kUp], operands[kDown]);
  if (given(site, kSharedDown)) {
    const ValueId hidden = swiglu(builder, operands[kSharedGate], operands[kSharedUp]);
    const ValueId shared = matmul(builder, hidden, operands[kSharedDown]);
    y = gated_add(builder, y, shared, operands[kSharedScale]);
  }
  if (given(site, kResidual)) y = add(builder, operands[kResidual], y);
  return {y};
}

std::vector<OpSample> samples(const TensorType& result) {
  constexpr int64_t kExperts = 4, kFf = 32;
  if (result.dtype != DType::kF32 || result.shape.rank != 2) return {};
  const int64_t t = result.shape.dim[0], d = result.shape.dim[1];
  const auto f32 = [](const auto&... dims) { return TensorType{DType::kF32, Shape(dims...)}; };
  std::vector<OpSample> all;
  for (const bool fused : {false, true})
    for (const bool shared : {false, true})
      for (const bool residual : {false, true}) {
        OpSample sample;
        sample.operands.resize(kOperandCount);
        sample.operands[kX] = result;
        sample.operands[kLogits] = f32(t, kExperts);
        sample.operands[kGate] = f32(kExperts, fused ? 2 * kFf : kFf, d);
        if (!fused) sample.operands[kUp] = f32(kExperts, kFf, d);
        sample.operands[kDown] = f32(kExperts, d, kFf);
        if (shared) {
          sample.operands[kSharedGate] = sample.operands[kSharedUp] = f32(t, kFf);
          sample.operands[kSharedDown] = f32(d, kFf);
          sample.operands[kSharedScale] = f32(t, int64_t{1});
        }
        if (residual) sample.operands[kResidual] = result;
        const MoeAttrs attrs{2};
        std::memcpy(sample.attrs.raw.data(), &attrs, sizeof(attrs));
        all.push_back(sample);
      }
  return all;
}

}  // namespace

const OpDef kOp_moe = {
    .name = "moe",
    .summary =
        "The mixture of experts of a layer: the top_k experts by the router's logits, summed with their "
        "renormalised weights, plus sigmoid(shared_scale) times the shared expert, plus the residual.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = cost,
    .decompose = decompose,
    .samples = samples,
    .structural_axes = 0,
};

ValueId moe(GraphBuilder& builder, const MoeOperands& o, int64_t top_k) {
  return builder.add1(kOp_moe,
                      {o.x, o.q, o.logits, o.gate, o.up, o.down, o.shared_gate, o.shared_up, o.shared_down,
                       o.shared_scale, o.residual},
                      MoeAttrs{top_k});
}

}  // namespace gannet
