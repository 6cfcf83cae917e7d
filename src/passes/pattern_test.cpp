// Recognising ops: attributes are read back from the lowered graph, and a match that would take a value away
// from somebody is refused. (What each fuse pass finds is in tests/data/passes.)
#include "passes/pattern.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>
#include <string>

#include "ops/attention/attention.h"
#include "ops/attention_mixer/attention_mixer.h"
#include "ops/binary/binary.h"
#include "ops/catalogue.h"
#include "ops/causal_conv/causal_conv.h"
#include "ops/delta_mixer/delta_mixer.h"
#include "ops/gated_add/gated_add.h"
#include "ops/gated_delta_rule/gated_delta_rule.h"
#include "ops/gated_rms_norm/gated_rms_norm.h"
#include "ops/linear/linear.h"
#include "ops/moe/moe.h"
#include "ops/rms_norm/rms_norm.h"
#include "ops/rms_scale/rms_scale.h"
#include "ops/routed_experts/routed_experts.h"
#include "ops/router/router.h"
#include "ops/softmax/softmax.h"
#include "ops/swiglu/swiglu.h"
#include "ops/unary/unary.h"
#include "passes/layout.h"
#include "passes/lower.h"

namespace gannet {
namespace {

constexpr int64_t kRowsOfCache = 16;

TensorType f32(const Shape& shape) {
  return {DType::kF32, shape};
}

struct Lowering : LoweringBuilder {
  Lowering() : LoweringBuilder("g", {.n_kv = kRowsOfCache}) {}
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
  PatternCache patterns(all_ops(), parts, {}, kRowsOfCache, {}, {});
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
  OpParts::Present present;
  present.ops = {&kOp_rms_scale, &kOp_mul};
  EXPECT_TRUE(parts.may_be_in(present, kOp_rms_norm, type));
  present.ops = {&kOp_softmax, &kOp_mul};
  EXPECT_FALSE(parts.may_be_in(present, kOp_rms_norm, type));
  // The mixer of one token is not made of the delta rule of seventy.
  present.ops = {&kOp_causal_conv, &kOp_gated_delta_rule, &kOp_gated_rms_norm};
  present.lengths = {{&kOp_causal_conv, 70}, {&kOp_gated_delta_rule, 70}};
  EXPECT_FALSE(parts.may_be_in(present, kOp_delta_mixer, f32(Shape(1, 64))));
  present.lengths = {{&kOp_causal_conv, 1}, {&kOp_gated_delta_rule, 1}};
  EXPECT_TRUE(parts.may_be_in(present, kOp_delta_mixer, f32(Shape(1, 64))));
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

// The patterns of `op` in front of the pass `pass` of the whole pipeline: ops, edges and enumerations.
std::vector<std::string> structures(const char* pass, const OpDef& op, const TensorType& result) {
  OpParts parts;
  std::vector<std::unique_ptr<PatternCache>> caches;
  caches.reserve(all_passes().size());
  for (size_t i = 0; i < all_passes().size(); ++i) {
    caches.push_back(std::make_unique<PatternCache>(all_ops(), parts, Capabilities{}, kRowsOfCache,
                                                    all_passes().first(i), std::span(caches.data(), i)));
    if (all_passes()[i] == find_pass(pass)) break;
  }
  std::vector<std::string> all;
  for (const Pattern& pattern : caches.back()->samples(op, result)) {
    std::string text;
    for (const Node& node : pattern.graph.nodes) {
      text += node.op->name;
      for (const ValueId id : node.operands) text += " " + std::to_string(id);
      for (const AttrDef& def : node.op->attrs)
        if (def.kind == AttrKind::kEnum) {
          int32_t v;
          std::memcpy(&v, node.attrs.raw.data() + def.offset, sizeof(v));
          text += " " + std::string(def.name) + std::to_string(v);
        }
      text += "\n";
    }
    all.push_back(text);
  }
  return all;
}

// OpDef::structural_axes: a pattern made for one length of the other axes serves for all.
TEST(Pattern, LengthsThatAreNotStructuralChangeNothing) {
  struct Pair {
    const char* pass;
    const OpDef& op;
    TensorType a, b;
  };
  const auto chosen = [](int64_t t, int64_t k) { return TensorType{DType::kI32, Shape(t, k)}; };
  const Pair pairs[] = {
      {"fuse_rms_norm", kOp_rms_norm, f32(Shape(5, 64)), f32(Shape(7, 96))},
      {"fuse_rms_norm", kOp_rms_norm, f32(Shape(5, 4, 64)), f32(Shape(9, 6, 32))},
      {"fuse_gated_rms_norm", kOp_gated_rms_norm, f32(Shape(5, 4, 64)), f32(Shape(9, 6, 32))},
      {"fuse_swiglu", kOp_swiglu, f32(Shape(5, 64)), f32(Shape(77, 512))},
      {"fuse_router", kOp_router, chosen(5, 4), chosen(77, 10)},
      {"fuse_experts", kOp_routed_experts, f32(Shape(5, 64)), f32(Shape(77, 128))},
      {"fuse_gated_add", kOp_gated_add, f32(Shape(5, 64)), f32(Shape(77, 96))},
      {"fuse_conv", kOp_causal_conv, f32(Shape(5, 64)), f32(Shape(5, 192))},
      {"fuse_delta_rule", kOp_gated_delta_rule, f32(Shape(70, 4, 32)), f32(Shape(70, 16, 64))},
      {"fuse_delta_rule", kOp_gated_delta_rule, f32(Shape(1, 4, 32)), f32(Shape(1, 32, 128))},
      {"fuse_attention", kOp_attention, f32(Shape(5, 4, 32)), f32(Shape(5, 16, 128))},
      {"fuse_attention_mixer", kOp_attention_mixer, f32(Shape(5, 4, 32)), f32(Shape(5, 16, 128))},
      {"fuse_delta_mixer", kOp_delta_mixer, f32(Shape(3, 64)), f32(Shape(3, 4096))},
      {"fuse_moe", kOp_moe, f32(Shape(5, 64)), f32(Shape(77, 2048))},
      {"fuse_residual", kOp_linear, f32(Shape(5, 64)), f32(Shape(77, 2048))},
  };
  for (const Pair& pair : pairs) {
    const auto a = structures(pair.pass, pair.op, pair.a);
    EXPECT_FALSE(a.empty()) << pair.op.name;
    EXPECT_EQ(a, structures(pair.pass, pair.op, pair.b)) << pair.op.name;
  }
  // Every op that says so is among them.
  for (const OpDef* op : all_ops())
    if (op->samples != nullptr && op->structural_axes < kMaxRank) {
      EXPECT_TRUE(std::any_of(std::begin(pairs), std::end(pairs), [&](const Pair& p) { return &p.op == op; }))
          << op->name;
    }
}

}  // namespace
}  // namespace gannet
