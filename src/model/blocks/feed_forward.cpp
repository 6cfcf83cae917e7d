#include "model/blocks/blocks.h"
#include "model/tensors.h"
#include "ops/binary/binary.h"
#include "ops/embed/embed.h"
#include "ops/expert_matmul/expert_matmul.h"
#include "ops/gated_add/gated_add.h"
#include "ops/matmul/matmul.h"
#include "ops/reduce_sum/reduce_sum.h"
#include "ops/reshape/reshape.h"
#include "ops/routed_experts/routed_experts.h"
#include "ops/router/router.h"
#include "ops/slice/slice.h"
#include "ops/swiglu/swiglu.h"

namespace gannet {
namespace {

ValueId gated_mlp(const BlockContext& c, ValueId x, uint32_t n, const char* gate, const char* up,
                  const char* down) {
  GraphBuilder& b = c.builder;
  // One statement per node: the order of arguments is the compiler's choice, the order of a graph is not.
  const ValueId gates = c.product(x, n, gate);
  const ValueId ups = c.product(x, n, up);
  return c.product(swiglu(b, gates, ups), n, down);
}

const char* const kExpertStacks[] = {"ffn_gate_up_exps.weight", "ffn_gate_exps.weight", "ffn_up_exps.weight",
                                     "ffn_down_exps.weight"};

bool experts_have_scales(const BlockContext& c, uint32_t n) {
  for (const char* stack : kExpertStacks)
    if (c.weights.has(scale_of(block_tensor(n, stack)))) return true;
  return false;
}

// routed_experts spelled out, because every expert's matrix has a factor of its own.
ValueId scaled_experts(const BlockContext& c, ValueId x, uint32_t n, const Routing& routing) {
  GraphBuilder& b = c.builder;
  const Shape chosen = b.shape(routing.experts);
  const int64_t t = chosen.dim[0], k = chosen.dim[1], n_ff = c.hp.n_ff_expert;
  const ValueId ids = reshape(b, routing.experts, Shape(t * k));
  const auto product = [&](ValueId in, const char* suffix) {
    const ValueId y = expert_matmul(b, in, c.param(n, suffix), routing.experts);
    const std::string scale = scale_of(block_tensor(n, suffix));
    if (!c.weights.has(scale)) return y;
    const ValueId factors = embed(b, reshape(b, c.vector(scale), Shape(c.hp.n_experts, 1)), ids);
    return mul(b, y, reshape(b, factors, Shape(t, k, 1)));
  };
  ValueId gates, ups;
  if (c.weights.has(block_tensor(n, kExpertStacks[0]))) {
    const ValueId both = product(x, kExpertStacks[0]);
    gates = slice(b, both, 2, 0, n_ff);
    ups = slice(b, both, 2, n_ff, n_ff);
  } else {
    gates = product(x, "ffn_gate_exps.weight");
    ups = product(x, "ffn_up_exps.weight");
  }
  const ValueId y = product(swiglu(b, gates, ups), "ffn_down_exps.weight");
  const ValueId weighted = mul(b, y, reshape(b, routing.weights, Shape(t, k, 1)));
  return reshape(b, reduce_sum(b, weighted, 1), Shape(t, c.hp.n_embd));
}

ValueId experts(const BlockContext& c, ValueId x, uint32_t n, const Routing& routing) {
  if (experts_have_scales(c, n)) return scaled_experts(c, x, n, routing);
  const bool fused = c.weights.has(block_tensor(n, "ffn_gate_up_exps.weight"));
  const ValueId gate = c.param(n, fused ? "ffn_gate_up_exps.weight" : "ffn_gate_exps.weight");
  const ValueId up = fused ? kNoValue : c.param(n, "ffn_up_exps.weight");
  return routed_experts(c.builder, x, routing.experts, routing.weights, gate, up,
                        c.param(n, "ffn_down_exps.weight"));
}

}  // namespace

ValueId feed_forward_block(const BlockContext& c, uint32_t n, ValueId x) {
  GraphBuilder& b = c.builder;
  if (!c.hp.arch_facts().moe)
    return gated_mlp(c, x, n, "ffn_gate.weight", "ffn_up.weight", "ffn_down.weight");

  const ValueId logits = c.product(x, n, "ffn_gate_inp.weight");
  const ValueId y = experts(c, x, n, router(b, logits, c.hp.n_experts_used));
  if (!c.hp.arch_facts().shared_expert) return y;

  const ValueId shared =
      gated_mlp(c, x, n, "ffn_gate_shexp.weight", "ffn_up_shexp.weight", "ffn_down_shexp.weight");
  // The gate is a vector in the file; as a matrix of one row it gives one scalar per token.
  const ValueId gate_row = reshape(b, c.vector(n, "ffn_gate_inp_shexp.weight"), Shape(1, c.hp.n_embd));
  return gated_add(b, y, shared, matmul(b, x, gate_row));
}

}  // namespace gannet
