// A parameter that is stored as F16 or BF16 and widened in front of every use is widened once, when the model
// is loaded: the graph asks for "f32:NAME" instead.
#include "ops/cast/cast.h"
#include "passes/layout.h"
#include "passes/pass.h"

namespace gannet {
namespace {

void run(GraphEdit& edit, PassContext&) {
  for (int n = 0; n < edit.n_nodes(); ++n) {
    if (edit.node(n).op != &kOp_cast) continue;
    const ValueId from = edit.node(n).operands[0], to = edit.node(n).results[0];
    if (edit.value(from).kind != ValueKind::kParam) continue;
    edit.replace_uses(to, edit.param("f32:" + edit.value(from).name, edit.type(to)));
    edit.erase(n);
  }
}

}  // namespace

extern const Pass kPass_legalise_params = {
    "legalise_params", "Widen F16 and BF16 vectors to F32 when the model is loaded, not in every run.", true,
    run};

}  // namespace gannet
