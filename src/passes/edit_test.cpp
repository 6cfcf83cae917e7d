#include "passes/edit.h"

#include <gtest/gtest.h>

#include "ops/binary/binary.h"
#include "ops/catalogue.h"
#include "ops/scale/scale.h"
#include "ops/slice/slice.h"
#include "ops/state_read/state_read.h"
#include "ops/state_write/state_write.h"
#include "ops/unary/unary.h"

namespace gannet {
namespace {

Graph parsed(const std::string& text) {
  auto graph = parse_graph(text, all_ops());
  EXPECT_TRUE(graph.ok()) << graph.error().message();
  return graph.take();
}

// exp and silu of x, their sum.
Graph diamond() {
  return parsed(R"(graph g {
  %0 = input "x" : F32[2, 4]
  %1 = unary(%0) {function = exp} : F32[2, 4]
  %2 = unary(%0) {function = silu} : F32[2, 4]
  %3 = add(%1, %2) : F32[2, 4]
  return "sum" = %3
  return "exp" = %1
}
)");
}

void finish(GraphEdit& edit, const Graph& graph, const char* wanted) {
  edit.finish();
  EXPECT_EQ(print_graph(graph), wanted);
  const auto verified = verify_graph(graph);
  EXPECT_TRUE(verified.ok()) << verified.error().message();
}

TEST(GraphEdit, NothingChangedIsTheSameGraph) {
  Graph graph = diamond();
  const std::string before = print_graph(graph);
  GraphEdit edit(graph);
  edit.set_operand(2, 0, 1);  // what it is already
  edit.replace_uses(1, 1);
  EXPECT_EQ(edit.changes(), 0);
  finish(edit, graph, before.c_str());
}

TEST(GraphEdit, KnowsWhoUsesAValue) {
  Graph graph = diamond();
  GraphEdit edit(graph);
  ASSERT_EQ(edit.uses(0).size(), 2u);
  EXPECT_EQ(edit.uses(0)[0].node, 0);  // in the order of the nodes
  EXPECT_EQ(edit.uses(0)[1].node, 1);
  EXPECT_FALSE(edit.used_once(0));
  EXPECT_FALSE(edit.used_once(1)) << "an output too";
  EXPECT_TRUE(edit.used_once(2));
  EXPECT_TRUE(edit.is_output(1));
  EXPECT_FALSE(edit.unused(3)) << "an output is a use";
  EXPECT_EQ(edit.producer(3), 2);
  EXPECT_EQ(edit.producer(3, kOp_add), 2);
  EXPECT_EQ(edit.producer(3, kOp_scale), -1);
  EXPECT_EQ(edit.producer(0), -1);
  int seen = 0;
  edit.for_uses(0, [&](const GraphEdit::Use&) { return ++seen == 7; });
  EXPECT_EQ(seen, 1) << "false stops";

  edit.set_operand(2, 1, 0);
  EXPECT_TRUE(edit.unused(2));
  EXPECT_EQ(edit.uses(0).size(), 3u);
  edit.erase(1);
  EXPECT_EQ(edit.uses(0).size(), 2u);
  EXPECT_FALSE(edit.alive(1));
}

TEST(GraphEdit, AValueUsedTwiceByOneNode) {
  Graph graph = parsed(R"(graph g {
  %0 = input "x" : F32[4]
  %1 = unary(%0) {function = exp} : F32[4]
  %2 = add(%1, %1) : F32[4]
  return "y" = %2
}
)");
  GraphEdit edit(graph);
  EXPECT_EQ(edit.uses(1).size(), 2u);
  EXPECT_FALSE(edit.used_once(1));
  edit.set_operand(1, 0, 0);
  ASSERT_EQ(edit.uses(1).size(), 1u);
  EXPECT_EQ(edit.uses(1)[0].operand, 1);
  EXPECT_TRUE(edit.used_once(1));
}

TEST(GraphEdit, InsertsBeforeInOrderOfInsertion) {
  Graph graph = diamond();
  GraphEdit edit(graph);
  const ValueId a = edit.insert1(2, kOp_scale, {1}, ScaleAttrs{2});
  const ValueId b = edit.insert1(2, kOp_scale, {a}, ScaleAttrs{3});
  // Before an inserted node: where that one is inserted, behind what is there.
  const ValueId c = edit.insert1(edit.producer(b), kOp_scale, {a}, ScaleAttrs{4});
  edit.set_operand(2, 0, b);
  edit.set_operand(2, 1, c);
  EXPECT_EQ(edit.type(c).shape, Shape(2, 4));
  finish(edit, graph, R"(graph g {
  %0 = input "x" : F32[2, 4]
  %1 = unary(%0) {function = exp} : F32[2, 4]
  %2 = unary(%0) {function = silu} : F32[2, 4]
  %3 = scale(%1) {factor = 2} : F32[2, 4]
  %4 = scale(%3) {factor = 3} : F32[2, 4]
  %5 = scale(%3) {factor = 4} : F32[2, 4]
  %6 = add(%4, %5) : F32[2, 4]
  return "sum" = %6
  return "exp" = %1
}
)");
}

TEST(GraphEdit, InsertsAfterANodeAndAtTheEnd) {
  Graph graph = diamond();
  GraphEdit edit(graph);
  const AttrBytes two = attr_bytes(ScaleAttrs{2});
  const ValueId operands[] = {1}, sum[] = {3};
  const int early = edit.insert_after(0, kOp_scale, operands, two);
  const int late = edit.insert_after(2, kOp_scale, sum, two);
  EXPECT_EQ(edit.node(late).operands[0], 3);
  edit.set_operand(2, 0, edit.node(early).results[0]);
  edit.finish();
  ASSERT_EQ(graph.nodes.size(), 5u);
  EXPECT_EQ(graph.nodes[1].op, &kOp_scale);
  EXPECT_EQ(graph.nodes[4].op, &kOp_scale);
  EXPECT_TRUE(verify_graph(graph).ok());
}

TEST(GraphEdit, ErasedNodesAndTheirResultsGoAndValuesAreRenumbered) {
  Graph graph = diamond();
  GraphEdit edit(graph);
  edit.replace_uses(1, 0);  // uses by nodes and as an output
  edit.erase(0);
  EXPECT_TRUE(edit.is_output(0));
  finish(edit, graph, R"(graph g {
  %0 = input "x" : F32[2, 4]
  %1 = unary(%0) {function = silu} : F32[2, 4]
  %2 = add(%0, %1) : F32[2, 4]
  return "sum" = %2
  return "exp" = %0
}
)");
  EXPECT_EQ(graph.values[1].node, 0);
  EXPECT_EQ(graph.values[2].node, 1);
}

TEST(GraphEdit, ANodeThatComesTooLateIsMovedToItsPlace) {
  Graph graph = diamond();
  GraphEdit edit(graph);
  const ValueId x[] = {0};
  const int late = edit.insert_after(2, kOp_unary, x, attr_bytes(UnaryAttrs{UnaryFunction::kSigmoid}));
  edit.replace_uses(1, edit.node(late).results[0]);
  edit.erase(0);
  finish(edit, graph, R"(graph g {
  %0 = input "x" : F32[2, 4]
  %1 = unary(%0) {function = silu} : F32[2, 4]
  %2 = unary(%0) {function = sigmoid} : F32[2, 4]
  %3 = add(%2, %1) : F32[2, 4]
  return "sum" = %3
  return "exp" = %2
}
)");
}

TEST(GraphEdit, UsesOfAStateKeepTheirOrderWhenNodesMove) {
  Graph graph = parsed(R"(graph g {
  %0 = input "x" : F32[2, 4]
  %1 = state "s" : recurrent[2, 4]
  %2 = unary(%0) {function = exp} : F32[2, 4]
  %3 = state_read(%1) : F32[2, 4]
  state_write(%1, %2) {place = copy}
  %4 = state_read(%1) : F32[2, 4]
  %5 = add(%3, %4) : F32[2, 4]
  return "y" = %5
}
)");
  GraphEdit edit(graph);
  // The write now needs a value that is made behind everything else; the second read has to wait for it.
  const ValueId x[] = {0};
  const int late = edit.insert_after(4, kOp_scale, x, attr_bytes(ScaleAttrs{2}));
  edit.set_operand(2, 1, edit.node(late).results[0]);
  edit.finish();
  std::vector<const OpDef*> ops;
  for (const Node& node : graph.nodes) ops.push_back(node.op);
  EXPECT_EQ(ops, (std::vector<const OpDef*>{&kOp_unary, &kOp_state_read, &kOp_scale, &kOp_state_write,
                                            &kOp_state_read, &kOp_add}));
  EXPECT_EQ(graph.nodes[5].operands[0], graph.nodes[1].results[0]) << "the old state";
  EXPECT_EQ(graph.nodes[5].operands[1], graph.nodes[4].results[0]) << "the new one";
  EXPECT_TRUE(verify_graph(graph).ok());
}

TEST(GraphEditDeathTest, ACycleIsABugOfThePass) {
  Graph graph = diamond();
  GraphEdit edit(graph);
  edit.set_operand(0, 0, 3);
  EXPECT_DEATH(edit.finish(), "cycle");
}

TEST(GraphEditDeathTest, AnIllegalUseIsABugOfThePass) {
  Graph graph = diamond();
  GraphEdit edit(graph);
  EXPECT_DEATH(edit.insert1(2, kOp_slice, {1}, SliceAttrs{7, 0, 1}), "axis");
}

TEST(GraphEdit, ParametersAreMadeOnce) {
  Graph graph = diamond();
  GraphEdit edit(graph);
  const TensorType type{DType::kF32, Shape(2, 4)};
  const ValueId w = edit.param("w", type);
  EXPECT_EQ(edit.param("w", type), w);
  EXPECT_EQ(edit.changes(), 0) << "a parameter that nobody uses is no change yet";
  EXPECT_TRUE(edit.unused(w));
  edit.set_operand(2, 1, w);
  EXPECT_TRUE(edit.used_once(w));
  edit.finish();
  EXPECT_NE(print_graph(graph).find("param \"w\""), std::string::npos);
}

TEST(GraphEdit, DropsNamedValuesThatNobodyUsesWhenAsked) {
  const char* text = R"(graph g {
  %0 = input "x" : F32[2, 4]
  %1 = input "unused" : F32[2, 4]
  %2 = param "w" : F32[4]
  %3 = state "s" : recurrent[2, 4]
  %4 = unary(%0) {function = exp} : F32[2, 4]
  return "y" = %4
}
)";
  Graph graph = parsed(text);
  GraphEdit edit(graph);
  edit.drop_unused_values();
  EXPECT_EQ(edit.changes(), 3);
  finish(edit, graph, R"(graph g {
  %0 = input "x" : F32[2, 4]
  %1 = unary(%0) {function = exp} : F32[2, 4]
  return "y" = %1
}
)");
  GraphEdit again(graph);
  again.drop_unused_values();
  EXPECT_EQ(again.changes(), 0);
}

}  // namespace
}  // namespace gannet
