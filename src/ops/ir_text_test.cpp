// The graph's text form and verifier, with real ops.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/core.h>

#include "ir/graph.h"
#include "ops/attention/attention.h"
#include "ops/binary/binary.h"
#include "ops/catalogue.h"
#include "ops/gated_delta_rule/gated_delta_rule.h"
#include "ops/reshape/reshape.h"
#include "ops/rms_norm/rms_norm.h"
#include "ops/router/router.h"
#include "ops/unary/unary.h"

namespace gannet {
namespace {

using testing::HasSubstr;

Graph sample() {
  GraphBuilder b("layer");
  const ValueId x = b.input("hidden \"quoted\"", {DType::kF32, Shape(3, 32)});
  const ValueId w = b.param("norm.weight", {DType::kF32, Shape(32)});
  const ValueId kv = b.state("kv.0", {DType::kKvCache, Shape(2, 8)});
  const ValueId s = b.state("delta.0", {DType::kRecurrent, Shape(2, 16, 16)});
  const ValueId gates = b.input("gates", {DType::kF32, Shape(3, 2)});
  const ValueId head = b.param("a", {DType::kF32, Shape(2)});
  const ValueId normed = rms_norm(b, x, w, 1e-6f);
  const ValueId q = reshape(b, normed, Shape(3, 4, 8));
  const ValueId k = b.input("k", {DType::kF32, Shape(3, 2, 8)});
  const ValueId o = attention(b, q, k, k, kv, kNoValue, 0.35355338f);
  const ValueId heads = reshape(b, silu(b, x), Shape(3, 2, 16));
  const ValueId d =
      gated_delta_rule(b, heads, heads, heads, gates, gates, head, head, s, {1e-6f, HeadMap::kGrouped});
  const Routing routing = router(b, x, 4);
  b.output("o", add(b, reshape(b, o, Shape(3, 32)), reshape(b, d, Shape(3, 32))));
  b.output("experts", routing.experts);
  return b.finish().take();
}

std::string parse_error(const std::string& text) {
  const Result<Graph> graph = parse_graph(text, all_ops());
  return graph.ok() ? "no error" : graph.error().message();
}

TEST(IrText, PrintAndParseGiveTheSameGraph) {
  const Graph graph = sample();
  const std::string text = print_graph(graph);
  EXPECT_THAT(text, HasSubstr("heads = grouped"));
  EXPECT_THAT(text, HasSubstr("kv[2, 8]"));
  EXPECT_THAT(text, HasSubstr(", _) {scale = 0.35355338}"));
  Result<Graph> parsed = parse_graph(text, all_ops());
  ASSERT_TRUE(parsed.ok()) << parsed.error().message() << "\n" << text;
  // Labels are numbered anew in order of appearance; from then on the text is a fixed point.
  const std::string again = print_graph(*parsed);
  Result<Graph> twice = parse_graph(again, all_ops());
  ASSERT_TRUE(twice.ok()) << twice.error().message();
  EXPECT_EQ(print_graph(*twice), again);
  ASSERT_EQ(parsed->nodes.size(), graph.nodes.size());
  EXPECT_EQ(parsed->name, graph.name);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    EXPECT_EQ(parsed->nodes[i].op, graph.nodes[i].op);
    EXPECT_EQ(parsed->nodes[i].attrs.raw, graph.nodes[i].attrs.raw);
    EXPECT_EQ(parsed->site(parsed->nodes[i]).results, graph.site(graph.nodes[i]).results);
    EXPECT_EQ(parsed->site(parsed->nodes[i]).operands, graph.site(graph.nodes[i]).operands);
  }
  ASSERT_EQ(parsed->outputs.size(), 2u);
  EXPECT_EQ(parsed->outputs[0].name, "o");
  EXPECT_EQ(parsed->values[0].name, "hidden \"quoted\"");
}

// Names of a graph are printed, in messages and as part of graphs.
TEST(IrText, WhatSteersATerminalIsRefused) {
  const auto graph = [](const std::string& name, const std::string& input) {
    return "graph " + name + " {\n%0 = input \"" + input + "\" : F32[2]\nreturn \"y\" = %0 }\n";
  };
  EXPECT_EQ(parse_error(graph("g", "x")), "no error");
  for (const std::string bad : {"\x1b]0;t\x07", "\xC2\x9B", "\xE2\x80\xAE", "\xff", "\x7f"}) {
    EXPECT_THAT(parse_error(graph("g" + bad, "x")),
                HasSubstr("line 1: a graph has only printable characters"));
    EXPECT_THAT(parse_error(graph("g", "x" + bad)),
                HasSubstr("line 2: a graph has only printable characters"));
    EXPECT_THAT(parse_error(graph("g", "x" + bad)), testing::Not(HasSubstr(bad)));
  }
  EXPECT_NE(parse_error(graph("g", "a\nb")), "no error");
  EXPECT_NE(parse_error(graph("g", "a\\\tb")), "no error");
  EXPECT_EQ(parse_error("graph g {\r\n\t%0 = input \"x\" : F32[2]\r\n}\r\n"), "no error");
  EXPECT_THAT(parse_error("graph g { x(" + std::string(100'000, 'y') + ") }"),
              testing::SizeIs(testing::Lt(600)));
}

TEST(IrText, CommentsAndSpaceDoNotMatter) {
  Result<Graph> graph = parse_graph(
      "graph g {  # a comment\n%0=input \"x\":F32[2,4]\n\n  %7 = unary( %0 ) { function = silu } : F32[2, "
      "4]\n"
      "return \"y\" = %7 }\n",
      all_ops());
  ASSERT_TRUE(graph.ok()) << graph.error().message();
  EXPECT_EQ(graph->nodes.size(), 1u);
}

TEST(IrText, ErrorsNameTheLine) {
  const std::string head = "graph g {\n  %0 = input \"x\" : F32[2, 4]\n";
  EXPECT_THAT(parse_error("grph g {"), HasSubstr("line 1: "));
  EXPECT_THAT(parse_error(head), HasSubstr("line 3: missing }"));
  EXPECT_THAT(parse_error(head + "  %1 = frobnicate(%0) : F32[2, 4]\n}"),
              HasSubstr("line 3: there is no op \"frobnicate\""));
  EXPECT_THAT(parse_error(head + "  %0 = add(%0, %0) : F32[2, 4]\n}"),
              HasSubstr("line 3: %0 is defined twice"));
  EXPECT_THAT(parse_error(head + "\n  %1 = add(%0, %9) : F32[2, 4]\n}"),
              HasSubstr("line 4: expected an operand"));
  EXPECT_THAT(parse_error(head + "  %1 = unary(%0) {function = cosh} : F32[2, 4]\n}"),
              HasSubstr("line 3: \"cosh\" is no value of function"));
  EXPECT_THAT(parse_error(head + "  %1 = unary(%0) {speed = 3} : F32[2, 4]\n}"),
              HasSubstr("line 3: op unary has no attribute \"speed\""));
  EXPECT_THAT(parse_error(head + "  %1 = unary(%0) : F32[2, x]\n}"),
              HasSubstr("line 3: expected a result type"));
  EXPECT_THAT(parse_error(head + "  return \"y\" = %5\n}"), HasSubstr("line 3: "));
  EXPECT_THAT(parse_error(head + "}\nmore"), HasSubstr("line 4: text after the closing }"));
}

TEST(IrText, ShapeRulesHoldForParsedGraphs) {
  const std::string head = "graph g {\n  %0 = input \"x\" : F32[2, 4]\n  %1 = input \"y\" : F32[2, 5]\n";
  EXPECT_THAT(
      parse_error(head + "  %2 = add(%0, %1) : F32[2, 4]\n}"),
      HasSubstr(
          "node 0 (add): add: b is F32[2, 5], must be like a F32[2, 4] on every axis, or 1 on one side"));
  EXPECT_THAT(parse_error(head + "  %2 = add(%0, %0) : F32[4, 2]\n}"),
              HasSubstr("differ from the shape rule"));
  EXPECT_THAT(parse_error(head + "  %2 = add(%0) : F32[2, 4]\n}"), HasSubstr("takes 2 operands, 1 given"));
  EXPECT_THAT(parse_error(head + "  %2 = add(%0, _) : F32[2, 4]\n}"), HasSubstr("operand b is required"));
}

TEST(Verifier, AcceptsWhatTheBuilderMakes) {
  const auto verified = verify_graph(sample());
  EXPECT_TRUE(verified.ok()) << verified.error().message();
}

TEST(Verifier, FindsUseBeforeDefinition) {
  Graph graph = sample();
  std::swap(graph.nodes[0], graph.nodes[1]);
  EXPECT_THAT(verify_graph(graph).error().message(), HasSubstr("is used before it is defined"));
  graph = sample();
  graph.nodes[0].operands[0] = 1000;
  EXPECT_THAT(verify_graph(graph).error().message(), HasSubstr("%1000 is used before it is defined"));
}

TEST(Verifier, FindsWrongTypes) {
  Graph graph = sample();
  graph.values[static_cast<size_t>(graph.nodes[0].results[0])].type.shape.dim[0] = 7;
  EXPECT_FALSE(verify_graph(graph).ok());
  EXPECT_THAT(verify_graph(graph).error().message(), HasSubstr("node 0 (rms_norm)"));
}

TEST(Verifier, FindsDuplicates) {
  Graph graph = sample();
  graph.values[1].name = graph.values[0].name;
  EXPECT_THAT(verify_graph(graph).error().message(), HasSubstr("two values are named"));
  graph = sample();
  graph.nodes.push_back(graph.nodes[0]);
  EXPECT_THAT(verify_graph(graph).error().message(), HasSubstr("is defined twice"));
}

// What inputs hold is part of the graph, and the type has to go with it.
TEST(IrText, InputsCarryTheirSource) {
  const std::string text =
      "graph g {\n"
      "  %0 = input \"a\" from tokens : I32[3]\n"
      "  %1 = input \"b\" from positions : I32[3]\n"
      "  %2 = input \"c\" from hidden : F32[3, 8]\n"
      "  %3 = input \"d\" from causal_mask : F32[3, 64]\n"
      "  %4 = input \"e\" from lower : F32[4, 4]\n"
      "  %5 = input \"f\" from strict : F32[4, 4]\n"
      "  %6 = input \"g\" from eye : F32[4, 4]\n"
      "  %7 = input \"h\" from eye : F32[8, 8]\n"
      "  %8 = input \"tokens\" : F32[3]\n"
      "}\n";
  const Result<Graph> graph = parse_graph(text, all_ops());
  ASSERT_TRUE(graph.ok()) << graph.error().message();
  EXPECT_EQ(print_graph(*graph), text);
  EXPECT_EQ(graph->values[0].source, InputSource::kTokens);
  EXPECT_EQ(graph->values[6].source, InputSource::kEye);
  EXPECT_EQ(graph->values[8].source, InputSource::kGiven);
}

TEST(Verifier, FindsInputsThatDoNotFitTheirSource) {
  const auto fault = [](const std::string& inputs) { return parse_error("graph g {\n" + inputs + "}\n"); };
  EXPECT_THAT(fault("%0 = input \"x\" from weather : I32[3]\n"), HasSubstr("line 2: expected a source"));
  EXPECT_THAT(fault("%0 = input \"x\" from given : I32[3]\n"), HasSubstr("line 2: expected a source"));
  EXPECT_THAT(fault("%0 = param \"x\" from tokens : I32[3]\n"), HasSubstr("line 2: expected : TYPE"));
  for (const char* input : {"tokens : F32[3]", "tokens : I32[3, 1]", "positions : F32[3]", "hidden : F32[3]",
                            "causal_mask : F32[3]", "causal_mask : F32[5, 4]", "lower : F32[3, 4]",
                            "strict : I32[4, 4]", "eye : F32[4]"})
    EXPECT_THAT(fault(fmt::format("%0 = input \"x\" from {}\n", input)), HasSubstr("which is no type for"))
        << input;
  EXPECT_THAT(fault("%0 = input \"x\" from tokens : I32[3]\n%1 = input \"y\" from tokens : I32[3]\n"),
              HasSubstr("two inputs are tokens"));
  Graph graph = sample();
  graph.values[1].source = InputSource::kTokens;  // a parameter
  EXPECT_THAT(verify_graph(graph).error().message(), HasSubstr("only inputs have a source"));
}

TEST(Verifier, FindsUndefinedOutputs) {
  Graph graph = sample();
  graph.outputs[0].value = -1;
  EXPECT_THAT(verify_graph(graph).error().message(), HasSubstr("output \"o\" is not defined"));
}

// 4 query heads and 2 of K and V, all of 32. A token of the context is a row of K and of V that is read, and
// a q.k and a weighted v for each query head.
TEST(Cost, GrowsWithTheContext) {
  GraphBuilder b("g");
  const TensorType q{DType::kF32, Shape(3, 4, 32)}, k{DType::kF32, Shape(3, 2, 32)};
  const ValueId y = attention(b, b.input("q", q), b.input("k", k), b.input("v", k),
                              b.state("kv", {DType::kKvCache, Shape(2, 32)}), kNoValue, 1.0f);
  b.output("y", add(b, y, y));
  const Graph graph = b.finish().take();
  const Cost at_start = graph_cost(graph, {}), later = graph_cost(graph, {100, DType::kF16, DType::kQ8_0});
  EXPECT_EQ(at_start.state_bytes, 0);
  EXPECT_EQ(later.state_bytes, 100 * 2 * (32 * 2 + 34));
  EXPECT_EQ(later.flops - at_start.flops, 100 * (3 * 4) * 2 * (2 * 32));
  EXPECT_EQ(later.activation_bytes, at_start.activation_bytes);
  EXPECT_EQ(later.weight_bytes, 0);
}

TEST(Builder, ReportsTheFirstErrorAndStaysUsable) {
  GraphBuilder b("g");
  const ValueId x = b.input("x", {DType::kF32, Shape(2, 4)});
  const ValueId w = b.param("w", {DType::kF32, Shape(5)});
  const ValueId bad = rms_norm(b, x, w, 1e-6f);
  add(b, bad, bad);
  rms_norm(b, bad, w, -1);
  const auto graph = b.finish();
  ASSERT_FALSE(graph.ok());
  EXPECT_EQ(graph.error().message(),
            "graph g: rms_norm: w is F32[5], must be F32[4] like the last axis of x");
}

TEST(Builder, OneNameIsOneValue) {
  GraphBuilder b("g");
  const ValueId w = b.param("w", {DType::kF32, Shape(5)});
  EXPECT_EQ(b.param("w", {DType::kF32, Shape(5)}), w);
  b.param("w", {DType::kF32, Shape(6)});
  EXPECT_THAT(b.finish().error().message(), HasSubstr("\"w\" is used as F32[5] and as F32[6]"));
}

}  // namespace
}  // namespace gannet
