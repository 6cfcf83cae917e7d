// Where products with weights of block types take activations rounded to 8 bits (Capabilities), the rounding
// becomes a value of its own, made once and shared by all products of the same activations.
#include <map>

#include "ops/linear/linear.h"
#include "ops/matmul/matmul.h"
#include "ops/moe/moe.h"
#include "ops/quantize/quantize.h"
#include "passes/pass.h"

namespace gannet {
namespace {

class Quantizer {
 public:
  Quantizer(GraphEdit& edit, bool rounds) : edit_(edit), rounds_(rounds) {}

  void visit(int n) {
    const Node node = edit_.node(n);
    if (node.op == &kOp_matmul) {
      const ValueId q = wants_rounded(node.operands[1]) ? rounded(n, node.operands[0]) : kNoValue;
      const ValueId operands[] = {node.operands[0], q, kNoValue, node.operands[1]};
      const int fresh = edit_.insert(n, kOp_linear, operands, {});
      edit_.replace_uses(node.results[0], edit_.node(fresh).results[0]);
      edit_.erase(n);
    } else if (node.op == &kOp_linear && node.operands[1] == kNoValue) {
      bool wanted = false;
      for (size_t i = 3; i < node.operands.size(); ++i) wanted = wanted || wants_rounded(node.operands[i]);
      if (wanted) edit_.set_operand(n, 1, rounded(n, node.operands[0]));
    } else if (node.op == &kOp_moe && node.operands[1] == kNoValue) {
      if (wants_rounded(node.operands[3]) || wants_rounded(node.operands[4]))
        edit_.set_operand(n, 1, rounded(n, node.operands[0]));
    }
  }

 private:
  bool wants_rounded(ValueId weight) const {
    return rounds_ && weight != kNoValue && dtype_info(edit_.type(weight).dtype).quantized;
  }

  ValueId rounded(int n, ValueId x) {
    const auto [it, fresh] = rounded_.try_emplace(x, kNoValue);
    if (fresh) it->second = edit_.insert1(n, kOp_quantize, {x});
    return it->second;
  }

  GraphEdit& edit_;
  bool rounds_;
  std::map<ValueId, ValueId> rounded_;  // in node order, so the first use makes it
};

void run(GraphEdit& edit, PassContext& context) {
  Quantizer quantizer(edit, context.can.takes_rounded_activations);
  for (int n = 0; n < edit.n_nodes(); ++n)
    if (edit.alive(n)) quantizer.visit(n);
}

}  // namespace

extern const Pass kPass_quantize_once = {
    "quantize_once", "Round activations to 8 bits once for all the products that take them.", true, run};

}  // namespace gannet
