// The graphs of every family in text form, compared with stored ones: a change of a graph is seen and meant.
// After a meant change write them again with GANNET_UPDATE_GOLDENS=1 and read the difference.
#include "model/graphs.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include <gtest/gtest.h>

#include "model/model_file_for_test.h"
#include "model/types_for_test.h"
#include "ops/catalogue.h"
#include "ops/rope/rope.h"

namespace gannet {
namespace {

using enum Architecture;

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void expect_golden(const Graph& graph, const std::string& name) {
  const std::string path = "tests/data/graphs/" + name + ".gir";
  const std::string text = print_graph(graph);
  if (std::getenv("GANNET_UPDATE_GOLDENS") != nullptr) {
    std::filesystem::create_directories("tests/data/graphs");
    std::ofstream(path, std::ios::binary) << text;
    GTEST_SKIP() << path << " written";
  }
  const std::string golden = read_text(path);
  ASSERT_FALSE(golden.empty()) << path << " is missing; GANNET_UPDATE_GOLDENS=1 writes it";
  EXPECT_EQ(text, golden) << "after a meant change run again with GANNET_UPDATE_GOLDENS=1";

  // The stored text is a graph of its own right.
  const auto parsed = parse_graph(golden, all_ops());
  ASSERT_TRUE(parsed.ok()) << path << ": " << parsed.error().message();
  EXPECT_EQ(print_graph(*parsed), golden);
  EXPECT_TRUE(verify_graph(*parsed).ok());
  EXPECT_EQ(parsed->nodes.size(), graph.nodes.size());
}

// Uses of an op.
int64_t count(const Graph& graph, const std::string& op) {
  return std::ranges::count_if(graph.nodes, [&](const Node& node) { return node.op->name == op; });
}

class Golden : public testing::TestWithParam<Architecture> {};

TEST_P(Golden, Trunk) {
  const ModelShape shape = tiny_shape(GetParam());
  const auto graph = build_trunk(shape.hp, types_for_test(shape, "Q4_K_M"), {.n_tokens = 1});
  ASSERT_TRUE(graph.ok()) << graph.error().message();
  expect_golden(*graph, std::string(facts(GetParam()).name) + ".trunk");
}

TEST_P(Golden, Mtp) {
  if (!facts(GetParam()).mtp) return;
  const ModelShape shape = tiny_shape(GetParam(), true);
  const auto graph = build_mtp(shape.hp, types_for_test(shape, "Q4_K_M"), {.n_tokens = 1, .hidden = true});
  ASSERT_TRUE(graph.ok()) << graph.error().message();
  expect_golden(*graph, std::string(facts(GetParam()).name) + ".mtp");
}

INSTANTIATE_TEST_SUITE_P(Families, Golden,
                         testing::Values(kQwen3, kQwen3Moe, kQwen3Next, kQwen35, kQwen35Moe),
                         [](const auto& instance) { return facts(instance.param).name; });

TEST(Graphs, NodesPerLayerAreAsTheModelIsDescribed) {
  // Trunk of 4 layers: 3 delta-net layers and one of gated attention in the hybrids.
  for (const ArchitectureFacts& f : architectures()) {
    const ModelShape shape = tiny_shape(f.arch);
    const Graph graph = build_trunk(shape.hp, types_for_test(shape, "Q8_0"), {.n_tokens = 1}).take();
    EXPECT_EQ(count(graph, "attention"), f.delta_net ? 1 : 4) << f.name;
    EXPECT_EQ(count(graph, "gated_delta_rule"), f.delta_net ? 3 : 0) << f.name;
    EXPECT_EQ(count(graph, "causal_conv"), f.delta_net ? 3 : 0) << f.name;
    EXPECT_EQ(count(graph, "rope"), 2 * count(graph, "attention")) << f.name;
    EXPECT_EQ(count(graph, "router"), f.moe ? 4 : 0) << f.name;
    EXPECT_EQ(count(graph, "routed_experts"), f.moe ? 4 : 0) << f.name;
    EXPECT_EQ(count(graph, "gated_add"), f.shared_expert ? 4 : 0) << f.name;
    EXPECT_EQ(count(graph, "swiglu"), !f.moe || f.shared_expert ? 4 : 0) << f.name;
    EXPECT_EQ(count(graph, "add"), 8) << f.name;
    // Two per layer, two more per attention (q, k), one at the end.
    EXPECT_EQ(count(graph, "rms_norm"), 8 + 2 * count(graph, "attention") + 1) << f.name;
    // Attention 4; delta net 5; dense 3; router 1; shared expert 3 and its gate 1; the head 1.
    const int64_t ffn = (f.moe ? 1 : 3) + (f.shared_expert ? 4 : 0);
    EXPECT_EQ(count(graph, "matmul"), (f.delta_net ? 1 * 4 + 3 * 5 : 4 * 4) + 4 * ffn + 1) << f.name;
  }
}

// What the last matmul multiplies with.
std::string head_of(const Graph& graph) {
  const Node* last = nullptr;
  for (const Node& node : graph.nodes)
    if (std::string_view(node.op->name) == "matmul") last = &node;
  return graph.values[static_cast<size_t>(last->operands[1])].name;
}

TEST(Graphs, TheHeadIsOutputWhenPresentElseTheEmbedding) {
  ModelShape shape = tiny_shape(kQwen35, true);
  const auto heads = [&] {
    const WeightTable table = types_for_test(shape, "F16");
    return std::pair(head_of(build_trunk(shape.hp, table, {}).take()),
                     head_of(build_mtp(shape.hp, table, {}).take()));
  };
  EXPECT_EQ(heads(), (std::pair<std::string, std::string>("output.weight", "output.weight")));
  shape.tied_head = true;
  EXPECT_EQ(heads(), (std::pair<std::string, std::string>("token_embd.weight", "token_embd.weight")));
}

TEST(Graphs, TheMtpBlocksOwnTensorsTakePrecedence) {
  const ModelShape shape = tiny_shape(kQwen35, true);
  WeightTable table = types_for_test(shape, "F16");
  const auto params = [&] {
    std::string names;
    for (const Value& v : build_mtp(shape.hp, table, {}).take().values)
      if (v.kind == ValueKind::kParam) names += v.name + "\n";
    return names;
  };
  EXPECT_NE(params().find("blk.4.nextn.shared_head_norm.weight"), std::string::npos);
  EXPECT_EQ(params().find("output_norm.weight"), std::string::npos);
  EXPECT_NE(params().find("token_embd.weight"), std::string::npos);
  const TensorView matrix = contiguous_view(nullptr, DType::kF16, Shape(shape.hp.n_vocab, shape.hp.n_embd));
  table.set("blk.4.nextn.embed_tokens.weight", matrix);
  table.set("blk.4.nextn.shared_head_head.weight", matrix);
  EXPECT_EQ(params().find("token_embd.weight"), std::string::npos);
  EXPECT_EQ(params().find("\noutput.weight"), std::string::npos);
  EXPECT_NE(params().find("blk.4.nextn.shared_head_head.weight"), std::string::npos);
}

TEST(Graphs, RowsThatGetLogits) {
  const ModelShape shape = tiny_shape(kQwen35);
  const WeightTable table = types_for_test(shape, "F16");
  const auto output = [&](const GraphShape& s, const std::string& name) {
    const Graph graph = build_trunk(shape.hp, table, s).take();
    for (const GraphOutput& out : graph.outputs)
      if (out.name == name) return to_text(graph.type(out.value));
    return std::string("none");
  };
  EXPECT_EQ(output({.n_tokens = 7, .logits = LogitRows::kAll}, "logits"), "F32[7, 1024]");
  EXPECT_EQ(output({.n_tokens = 7, .logits = LogitRows::kLast}, "logits"), "F32[1, 1024]");
  EXPECT_EQ(output({.n_tokens = 7, .logits = LogitRows::kLast, .hidden = true}, "logits"), "F32[1, 1024]");
  EXPECT_EQ(output({.n_tokens = 7, .logits = LogitRows::kLast, .hidden = true}, "hidden"), "F32[7, 256]");
  EXPECT_EQ(output({.n_tokens = 7, .logits = LogitRows::kNone, .hidden = true}, "logits"), "none");
  EXPECT_EQ(output({.n_tokens = 7, .logits = LogitRows::kNone, .hidden = true}, "hidden"), "F32[7, 256]");
  EXPECT_EQ(output({.n_tokens = 7, .logits = LogitRows::kChosen, .n_chosen = 3}, "logits"), "F32[3, 1024]");
  const GraphShape few{
      .n_tokens = 7, .logits = LogitRows::kChosen, .hidden = true, .n_chosen = 1, .n_hidden = 4};
  EXPECT_EQ(output(few, "logits"), "F32[1, 1024]");
  EXPECT_EQ(output(few, "hidden"), "F32[4, 256]");
}

// Drafts go on from the rows that get logits; the others need no hidden rows.
TEST(Graphs, HiddenRowsOfTheMtpBlock) {
  const ModelShape shape = tiny_shape(kQwen35, true);
  const WeightTable table = types_for_test(shape, "F16");
  const auto hidden = [&](LogitRows logits, int64_t n_chosen) {
    const GraphShape s{.n_tokens = 7, .logits = logits, .hidden = true, .n_chosen = n_chosen};
    const Graph graph = build_mtp(shape.hp, table, s).take();
    for (const GraphOutput& out : graph.outputs)
      if (out.name == "hidden") return to_text(graph.type(out.value));
    return std::string("none");
  };
  EXPECT_EQ(hidden(LogitRows::kNone, 0), "F32[7, 256]");
  EXPECT_EQ(hidden(LogitRows::kAll, 0), "F32[7, 256]");
  EXPECT_EQ(hidden(LogitRows::kLast, 0), "F32[1, 256]");
  EXPECT_EQ(hidden(LogitRows::kChosen, 3), "F32[3, 256]");
}

// Of rows that nobody asks anything of, only K and V are made.
TEST(Graphs, MtpBlockThatOnlyWarmsUp) {
  const ModelShape shape = tiny_shape(kQwen35, true);
  const WeightTable table = types_for_test(shape, "F16");
  const auto ops = [&](const GraphShape& s) {
    std::string text;
    for (const Node& node : build_mtp(shape.hp, table, s).take().nodes)
      text += std::string(node.op->name) + " ";
    return text;
  };
  EXPECT_EQ(ops({.n_tokens = 5, .logits = LogitRows::kNone}),
            "embed rms_norm rms_norm concat matmul rms_norm matmul reshape matmul reshape rms_norm rope "
            "kv_append ");
  EXPECT_NE(ops({.n_tokens = 5, .logits = LogitRows::kNone, .hidden = true}).find("attention"),
            std::string::npos);
}

TEST(Graphs, FilesWithFusedExpertsBuild) {
  ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen35Moe));
  test.remove("blk.1.ffn_gate_exps.weight");
  test.remove("blk.1.ffn_up_exps.weight");
  test.add("blk.1.ffn_gate_up_exps.weight", DType::kQ4_0, Shape(6, 512, 256));
  const GgufFile file = test.parse();
  const Hyperparameters hp = read_hyperparameters(file).take();
  const WeightTable table = load_weights(file, hp).take();
  const auto graph = build_trunk(hp, table, {.n_tokens = 3});
  ASSERT_TRUE(graph.ok()) << graph.error().message();
  EXPECT_TRUE(verify_graph(*graph).ok());
}

// YaRN makes attention sharper where it makes the context longer, and leaves it as it is otherwise.
TEST(Graphs, YarnMagnitude) {
  const auto magnitude = [](float factor) {
    ModelShape shape = tiny_shape(kQwen3);
    shape.hp.rope_scaling = "yarn";
    shape.hp.rope_factor = factor;
    shape.hp.rope_original_context = 64;
    const Graph graph = build_trunk(shape.hp, types_for_test(shape, "F16"), {}).take();
    for (const Node& node : graph.nodes)
      if (std::string_view(node.op->name) == "rope")
        return reinterpret_cast<const RopeAttrs*>(node.attrs.raw.data())->magnitude;
    return 0.0f;
  };
  EXPECT_FLOAT_EQ(magnitude(4.0f), 0.1f * std::log(4.0f) + 1);
  EXPECT_EQ(magnitude(1.0f), 1.0f);
  EXPECT_EQ(magnitude(0.5f), 1.0f);
  EXPECT_EQ(magnitude(1e-3f), 1.0f);
}

// A factor is a product of its own behind the matrix, and only there.
TEST(Graphs, FactorsOfMatrices) {
  ModelFileForTest test = ModelFileForTest::complete(tiny_shape(kQwen35Moe, true));
  const auto ops = [&](const std::string& op) {
    const GgufFile file = test.parse();
    const Hyperparameters hp = read_hyperparameters(file).take();
    const WeightTable table = load_weights(file, hp).take();
    return std::pair(count(build_trunk(hp, table, {}).take(), op),
                     count(build_mtp(hp, table, {}).take(), op));
  };
  using Pair = std::pair<int64_t, int64_t>;
  EXPECT_EQ(ops("mul"), Pair(0, 0));
  test.add("output.scale", DType::kF32, Shape(1));
  EXPECT_EQ(ops("mul"), Pair(1, 1));
  test.add("blk.4.nextn.eh_proj.scale", DType::kF32, Shape(1));
  EXPECT_EQ(ops("mul"), Pair(1, 2));
  for (const char* matrix : {"attn_qkv", "attn_gate", "ssm_beta", "ssm_alpha", "ssm_out", "ffn_gate_inp",
                             "ffn_gate_shexp", "ffn_up_shexp", "ffn_down_shexp"})
    test.add(std::string("blk.0.") + matrix + ".scale", DType::kF32, Shape(1));
  EXPECT_EQ(ops("mul"), Pair(10, 2));
  for (const char* matrix : {"attn_q", "attn_k", "attn_v", "attn_output"})
    test.add(std::string("blk.3.") + matrix + ".scale", DType::kF32, Shape(1));
  EXPECT_EQ(ops("mul"), Pair(14, 2));
  EXPECT_EQ(ops("routed_experts"), Pair(4, 1));
  // Experts with factors are spelled out: one product per given factor, one with the router's weights.
  test.add("blk.1.ffn_down_exps.scale", DType::kF32, Shape(6));
  EXPECT_EQ(ops("routed_experts"), Pair(3, 1));
  EXPECT_EQ(ops("mul"), Pair(16, 2));
  EXPECT_EQ(ops("expert_matmul"), Pair(3, 0));
}

// The rotations of the trunk that a file of the family qwen3 with these keys gives: all the same.
RopeAttrs rotation_of(const std::function<void(GgufBuilder&)>& set_keys) {
  ModelFileForTest file = ModelFileForTest::complete(tiny_shape(kQwen3));
  set_keys(file.keys);
  const GgufFile parsed = file.parse();
  const Hyperparameters hp = read_hyperparameters(parsed).take();
  const WeightTable table = load_weights(parsed, hp).take();
  const Graph graph = build_trunk(hp, table, {.n_tokens = 1}).take();
  std::vector<AttrBytes> all;
  for (const Node& node : graph.nodes)
    if (node.op == &kOp_rope) all.push_back(node.attrs);
  EXPECT_EQ(all.size(), 8u);
  for (const AttrBytes& attrs : all) EXPECT_EQ(attrs.raw, all[0].raw);
  RopeAttrs rotation;
  std::memcpy(&rotation, all.at(0).raw.data(), sizeof(rotation));
  EXPECT_EQ(rotation.n_rot, 64);
  return rotation;
}

TEST(Graphs, RotationWithoutScalingAndLinear) {
  const RopeAttrs none = rotation_of([](GgufBuilder&) {});
  EXPECT_EQ(none.base, 1e6f);
  EXPECT_EQ(none.freq_scale, 1.0f);
  EXPECT_EQ(none.yarn_ext, 0.0f);
  EXPECT_EQ(none.magnitude, 1.0f);
  const RopeAttrs linear = rotation_of([](GgufBuilder& keys) {
    keys.set_string("qwen3.rope.scaling.type", "linear");
    keys.set_f32("qwen3.rope.scaling.factor", 8.0f);
    keys.set_f32("qwen3.rope.scaling.attn_factor", 3.0f);
  });
  EXPECT_EQ(linear.freq_scale, 0.125f);
  EXPECT_EQ(linear.yarn_ext, 0.0f);
  EXPECT_EQ(linear.magnitude, 1.0f);
}

// Pair i turns L / (2 pi base^(2 i / n_rot)) times over an original context of L, so it turns n times at
// i = n_rot ln(L / (2 pi n)) / (2 ln base). The ends of the ramp by hand, for n = 32, rounded down, and n =
// 1, rounded up.
TEST(Graphs, RotationOfYarn) {
  struct Yarn {
    float base;
    uint32_t original_context;
    float low, high;
    const char* by_hand;
  };
  for (const Yarn& yarn :
       {Yarn{1e6f, 4096, 6, 16, "6.98 and 15.009"}, Yarn{1e6f, 32768, 11, 20, "11.80 and 19.83"},
        Yarn{1e6f, 64, 0, 6, "-2.65, which is before the first pair, and 5.38"},
        Yarn{100, 1000000, 59, 63, "59.15 and 83.2, which is behind the last dimension"}}) {
    for (const float attn_factor : {1.0f, 0.5f}) {
      const RopeAttrs a = rotation_of([&](GgufBuilder& keys) {
        keys.set_f32("qwen3.rope.freq_base", yarn.base);
        keys.set_string("qwen3.rope.scaling.type", "yarn");
        keys.set_f32("qwen3.rope.scaling.factor", 4.0f);
        keys.set_u32("qwen3.rope.scaling.original_context_length", yarn.original_context);
        keys.set_f32("qwen3.rope.scaling.attn_factor", attn_factor);
      });
      EXPECT_EQ(a.base, yarn.base);
      EXPECT_EQ(a.freq_scale, 0.25f);
      EXPECT_EQ(a.yarn_ext, 1.0f);
      EXPECT_EQ(a.ramp_low, yarn.low) << yarn.by_hand;
      EXPECT_EQ(a.ramp_high, yarn.high) << yarn.by_hand;
      EXPECT_FLOAT_EQ(a.magnitude, attn_factor * 1.1386294f);  // 0.1 ln 4 + 1
    }
  }
}

TEST(Graphs, StateLayouts) {
  const ModelShape shape = tiny_shape(kQwen35, true);
  const StateLayout trunk = trunk_state_layout(shape.hp, DType::kF16, DType::kQ8_0);
  ASSERT_EQ(trunk.kv.size(), 1u);
  EXPECT_EQ(trunk.kv[0].name, "kv.3");
  ASSERT_EQ(trunk.recurrent.size(), 6u);  // conv window and delta matrix of three layers
  EXPECT_TRUE(trunk.recurrent[0].shape == Shape(3, 512));
  EXPECT_TRUE(trunk.recurrent[1].shape == Shape(4, 64, 64));
  EXPECT_EQ(trunk.recurrent[0].entry_floats, 512);
  EXPECT_EQ(trunk.recurrent[1].entry_floats, 4 + shape.hp.n_k_heads * 64 + 4 * 64);
  const StateLayout both = state_layout(shape.hp, DType::kF16, DType::kQ8_0);
  ASSERT_EQ(both.kv.size(), 2u);
  EXPECT_EQ(both.kv[0].part, StatePart::kTrunk);
  EXPECT_EQ(both.kv[1].name, "kv.4");
  EXPECT_EQ(both.kv[1].part, StatePart::kMtp);
  EXPECT_EQ(both.kv[1].v_type, DType::kQ8_0);
  EXPECT_EQ(both.recurrent.size(), 6u);
}

}  // namespace
}  // namespace gannet
