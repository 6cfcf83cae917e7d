#include "model/blocks/blocks.h"
#include "model/tensors.h"
#include "ops/gated_add/gated_add.h"
#include "ops/matmul/matmul.h"
#include "ops/reshape/reshape.h"
#include "ops/routed_experts/routed_experts.h"
#include "ops/router/router.h"
#include "ops/swiglu/swiglu.h"

namespace gannet {
namespace {

ValueId gated_mlp(const BlockContext& c, ValueId x, uint32_t n, const char* gate, const char* up,
                  const char* down) {
  GraphBuilder& b = c.builder;
  // One statement per node: the order of arguments is the compiler's choice, the order of a graph is not.
  const ValueId gates = matmul(b, x, c.param(n, gate));
  const ValueId ups = matmul(b, x, c.param(n, up));
  return matmul(b, swiglu(b, gates, ups), c.param(n, down));
}

}  // namespace

ValueId feed_forward_block(const BlockContext& c, uint32_t n, ValueId x) {
  GraphBuilder& b = c.builder;
  if (!c.hp.arch_facts().moe)
    return gated_mlp(c, x, n, "ffn_gate.weight", "ffn_up.weight", "ffn_down.weight");

  const ValueId logits = matmul(b, x, c.param(n, "ffn_gate_inp.weight"));
  const Routing routing = router(b, logits, c.hp.n_experts_used);
  const bool fused = c.weights.has(block_tensor(n, "ffn_gate_up_exps.weight"));
  const ValueId gate = c.param(n, fused ? "ffn_gate_up_exps.weight" : "ffn_gate_exps.weight");
  const ValueId up = fused ? kNoValue : c.param(n, "ffn_up_exps.weight");
  const ValueId y =
      routed_experts(b, x, routing.experts, routing.weights, gate, up, c.param(n, "ffn_down_exps.weight"));
  if (!c.hp.arch_facts().shared_expert) return y;

  const ValueId shared =
      gated_mlp(c, x, n, "ffn_gate_shexp.weight", "ffn_up_shexp.weight", "ffn_down_shexp.weight");
  // The gate is a vector in the file; as a matrix of one row it gives one scalar per token.
  const ValueId gate_row = reshape(b, c.vector(n, "ffn_gate_inp_shexp.weight"), Shape(1, c.hp.n_embd));
  return gated_add(b, y, shared, matmul(b, x, gate_row));
}

}  // namespace gannet
