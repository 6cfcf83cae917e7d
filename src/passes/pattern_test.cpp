// Recognising ops: attributes are read back from the lowered graph, and a match that would take a value away
// from somebody is refused. (What each fuse pass finds is in tests/data/passes.)
#include "passes/pattern.h"

#include <gtest/gtest.h>

#include <cstring>

#include "ops/attention/attention.h"
#include "ops/catalogue.h"
#include "ops/mul/mul.h"
#include "ops/rms_norm/rms_norm.h"
#include "ops/rms_scale/rms_scale.h"
#include "ops/router/router.h"
#include "ops/softmax/softmax.h"
#include "ops/swiglu/swiglu.h"
#include "ops/unary/unary.h"
#include "passes/layout.h"

namespace gannet {
namespace {

constexpr int64_t kRowsOfCache = 16;

TensorType f32(const Shape& shape) {
  return {DType::kF32, shape};
}

struct Lowering : GraphBuilder {
  Lowering() : GraphBuilder("g") {
    lowers = true;
    n_kv = kRowsOfCache;
  }
  Graph done() {
    auto graph = finish();
    EXPECT_TRUE(graph.ok()) << graph.error().message();
    return graph.take();
  }
};

// The match of `op` whose first result is the output called "y".
std::optional<Match> match_of(const Graph& graph, const OpDef& op) {
  Graph copy = graph;
  const GraphEdit edit(copy);
  OpParts parts;
  PatternCache patterns(all_ops(), parts, kRowsOfCache, {}, {});
  for (const GraphOutput& out : graph.outputs)
    if (out.name == "y")
      return find_match(edit, op, out.value, patterns.samples(op, edit.type(out.value)), patterns);
  return {};
}

template <class A>
A attrs_of_match(const Match& match) {
  A attrs;
  std::memcpy(&attrs, match.attrs.raw.data(), sizeof(A));
  return attrs;
}

TEST(Pattern, EpsIsReadBack) {
  for (const float eps : {1e-6f, 0.25f, 0.0f}) {
    Lowering b;
    const ValueId x = b.input("x", f32(Shape(2, 8))), w = b.param("w", f32(Shape(8)));
    b.output("y", rms_norm(b, x, w, eps));
    const auto match = match_of(b.done(), kOp_rms_norm);
    ASSERT_TRUE(match);
    EXPECT_EQ(attrs_of_match<RmsNormAttrs>(*match).eps, eps);
    EXPECT_EQ(match->operands, (std::vector<ValueId>{x, w}));
    EXPECT_EQ(match->nodes.size(), 3u);
  }
}

TEST(Pattern, TopKIsReadBackAndBothResultsAreFound) {
  for (const int64_t k : {1, 2, 5}) {
    Lowering b;
    const ValueId logits = b.input("logits", f32(Shape(3, 5)));
    const Routing routing = router(b, logits, k);
    b.output("y", routing.experts);
    b.output("weights", routing.weights);
    const auto match = match_of(b.done(), kOp_router);
    ASSERT_TRUE(match) << k;
    EXPECT_EQ(attrs_of_match<RouterAttrs>(*match).top_k, k);
    EXPECT_EQ(match->results, (std::vector<ValueId>{routing.experts, routing.weights}));
  }
}

TEST(Pattern, ScaleIsReadBackWithAndWithoutOptionalOperands) {
  for (const bool gated : {false, true})
    for (const int64_t kv_heads : {1, 2, 4}) {
      Lowering b;
      const TensorType q = f32(Shape(3, 4, 8)), k = f32(Shape(3, kv_heads, 8));
      const ValueId operands[] = {b.input("q", q), b.input("k", k), b.input("v", k),
                                  b.state("kv", {DType::kKvCache, Shape(kv_heads, 8)}),
                                  gated ? b.input("gate", q) : kNoValue};
      b.output("y", attention(b, operands[0], operands[1], operands[2], operands[3], operands[4], 0.375f));
      const auto match = match_of(b.done(), kOp_attention);
      ASSERT_TRUE(match) << gated << kv_heads;
      EXPECT_EQ(attrs_of_match<AttentionAttrs>(*match).scale, 0.375f);
      EXPECT_EQ(match->operands, std::vector<ValueId>(std::begin(operands), std::end(operands)));
    }
}

TEST(Pattern, AnInnerValueThatEscapesRefuses) {
  for (const int who : {0, 1, 2}) {
    Lowering b;
    const ValueId gate = b.input("gate", f32(Shape(2, 4))), up = b.input("up", f32(Shape(2, 4)));
    const ValueId activated = silu(b, gate);
    b.output("y", mul(b, activated, up));
    if (who == 1) b.output("activated", activated);
    if (who == 2) b.output("z", sigmoid(b, activated));
    EXPECT_EQ(match_of(b.done(), kOp_swiglu).has_value(), who == 0);
  }
}

TEST(Pattern, OperandsMayHaveOtherUsers) {
  Lowering b;
  const ValueId gate = b.input("gate", f32(Shape(2, 4))), up = sigmoid(b, gate);
  b.output("y", swiglu(b, gate, up));
  b.output("up", up);
  const auto match = match_of(b.done(), kOp_swiglu);
  ASSERT_TRUE(match);
  EXPECT_EQ(match->operands, (std::vector<ValueId>{gate, up}));
}

TEST(Pattern, OneValueForTwoOperands) {
  Lowering b;
  const ValueId x = b.input("x", f32(Shape(2, 4)));
  b.output("y", swiglu(b, x, x));
  const auto match = match_of(b.done(), kOp_swiglu);
  ASSERT_TRUE(match);
  EXPECT_EQ(match->operands, (std::vector<ValueId>{x, x}));
}

TEST(Pattern, NumbersThatDoNotAgreeRefuse) {
  // Shapes alone fit: the weight belongs to the rows, not to the columns.
  Lowering b;
  const ValueId x = b.input("x", f32(Shape(8, 8))), w = b.param("w", f32(Shape(8, 1)));
  b.output("y", mul(b, rms_scale(b, x, 1e-6f), w));
  EXPECT_FALSE(match_of(b.done(), kOp_rms_norm));
}

TEST(Pattern, PartsTellWhatCannotBeThere) {
  OpParts parts;
  const TensorType type = f32(Shape(2, 8));
  EXPECT_TRUE(parts.may_be_in({&kOp_rms_scale, &kOp_mul}, kOp_rms_norm, type));
  EXPECT_FALSE(parts.may_be_in({&kOp_softmax, &kOp_mul}, kOp_rms_norm, type));
}

TEST(Layout, ViewsSayWhereTheyLie) {
  auto parsed = parse_graph(R"(graph g {
  %0 = input "x" : F32[2, 3, 4]
  %1 = state "s" : recurrent[2, 4]
  %2 = permute(%0) {p0 = 1, p1 = 0, p2 = 2, p3 = 3} : F32[3, 2, 4]
  %3 = slice(%2) {axis = 2, start = 1, length = 2} : F32[3, 2, 2]
  %4 = state_view(%1) : F32[2, 4]
  %5 = reshape(%4) {rank = 1, d0 = 8, d1 = 1, d2 = 1, d3 = 1} : F32[8]
  %6 = unary(%3) {function = exp} : F32[3, 2, 2]
  %7 = reshape(%6) {rank = 2, d0 = 3, d1 = 4, d2 = 1, d3 = 1} : F32[3, 4]
  return "y" = %7
  return "z" = %5
}
)",
                            all_ops());
  ASSERT_TRUE(parsed.ok()) << parsed.error().message();
  Graph graph = parsed.take();
  const GraphEdit edit(graph);
  const ValueId turned = 2, cut = 3, flat = 5, computed = 6;
  const TensorView view = layout_of(edit, cut);
  EXPECT_EQ(view.stride[0], 16);
  EXPECT_EQ(view.stride[1], 48);
  EXPECT_EQ(view.stride[2], 4);
  EXPECT_EQ(reinterpret_cast<intptr_t>(view.data), 4);
  EXPECT_TRUE(is_contiguous(layout_of(edit, computed)));
  EXPECT_TRUE(views_state(edit, flat));
  EXPECT_FALSE(views_state(edit, cut));
  // The reader of the slice takes rows anywhere; the reshape behind the step must see dense rows.
  EXPECT_TRUE(uses_accept(edit, turned, layout_of(edit, turned)));
  EXPECT_FALSE(uses_accept(edit, computed, view));
}

}  // namespace
}  // namespace gannet
