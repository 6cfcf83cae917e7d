#include "ops/mul/mul.h"

#include "ops/rules.h"

namespace gannet {
namespace {

constexpr OperandDef kOperands[] = {{"a"}, {"b"}};
constexpr const char* kHeads[] = {"same", "tiled", "grouped"};
constexpr AttrDef kAttrs[] = {{"heads", AttrKind::kEnum, offsetof(MulAttrs, heads), kHeads}};

Result<std::vector<TensorType>> infer(const OpSite& site) {
  return broadcast_type(kOp_mul, site, site.as<MulAttrs>().heads);
}

}  // namespace

const OpDef kOp_mul = {
    .name = "mul",
    .summary =
        "y = a * b; an axis of length 1 on one side is repeated, and heads (axis 0) may be shared: entry "
        "h takes h % few (tiled) or h / (many / few) (grouped) of the side with fewer.",
    .operands = kOperands,
    .attrs = kAttrs,
    .n_results = 1,
    .infer = infer,
    .cost = [](const OpSite& site) { return streaming_cost(site, 1); },
    .elementwise = true,
    .repeatable = true,
};

ValueId mul(GraphBuilder& builder, ValueId a, ValueId b, HeadShare heads) {
  return builder.add1(kOp_mul, {a, b}, MulAttrs{heads});
}

}  // namespace gannet
