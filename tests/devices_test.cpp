// Whole graphs of every family on a device whose memory the host cannot touch, and on devices that lack ops.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "backend/cpu/capabilities.h"
#include "backend/cpu/isa.h"
#include "backend/testing/guarded_device.h"
#include "graph_run.h"
#include "model/graphs.h"
#include "model/model_file_for_test.h"
#include "model/types_for_test.h"
#include "ops/catalogue.h"
#include "passes/compile.h"

namespace gannet {
namespace {

using enum Architecture;

class Devices : public testing::TestWithParam<Architecture> {
 protected:
  // The graph of a small model as it is planned for the CPU.
  Graph graph(int64_t n_tokens, const char* mix = "Q4_K_M") const {
    const ModelShape shape = tiny_shape(GetParam());
    const WeightTable table = types_for_test(shape, mix);
    GraphOptions options;
    options.passes.can = kCpuCapabilities;
    const Graph declared = build_trunk(shape.hp, table, {n_tokens, LogitRows::kAll, true}).take();
    return compile_graph(declared, options, 128, all_ops()).take().graph;
  }
};

// Ops that are made of others, as plans of the CPU have them.
std::set<std::string> fused_ops() {
  std::set<std::string> names;
  for (const OpDef* op : all_ops())
    if (op->decompose != nullptr) names.insert(op->name);
  return names;
}

TEST_P(Devices, AnUntouchableOneGivesTheSameBits) {
  for (const int64_t n_tokens : {1, 5, 20}) {
    SCOPED_TRACE(n_tokens);
    const Graph g = graph(n_tokens);
    const GraphRun here = run_graph(g, {.isas = machine_isas()});
    const GraphRun there =
        run_graph(g, {.isas = machine_isas(), .device = std::make_shared<GuardedDevice>()});
    EXPECT_TRUE(there.taken_apart.empty());
    expect_same(here, there, 0);
  }
}

// On the reference kernels, which compute the parts and the whole in the same way but for the order of sums.
TEST_P(Devices, WithoutFusedKernelsThePartsMeanTheSame) {
  KernelRegistry primitives;
  const std::set<std::string> fused = fused_ops();
  for (const KernelInfo* kernel : all_kernels().kernels())
    if (!fused.contains(kernel->op)) primitives.add(*kernel);
  for (const int64_t n_tokens : {1, 5}) {
    SCOPED_TRACE(n_tokens);
    const Graph g = graph(n_tokens);
    const GraphRun whole = run_graph(g, {.isas = {Isa::kScalar}});
    const GraphRun parts = run_graph(g, {.isas = {Isa::kScalar}, .kernels = &primitives});
    EXPECT_GE(parts.taken_apart.size(), 6u);
    expect_same(whole, parts, 1e-9);
    const auto lacking = std::make_shared<GuardedDevice>(GuardedOptions{.refused_ops = fused});
    const GraphRun there = run_graph(g, {.isas = {Isa::kScalar}, .device = lacking});
    EXPECT_EQ(there.taken_apart, parts.taken_apart);
    expect_same(parts, there, 0);
  }
}

// Each by itself: the planner takes apart what is refused and nothing else.
TEST_P(Devices, OneOpLessIsOneOpTakenApart) {
  const Graph g = graph(4);
  std::set<std::string> used;
  for (const Node& node : g.nodes)
    if (node.op->decompose != nullptr) used.insert(node.op->name);
  EXPECT_GE(used.size(), 3u);
  const GraphRun whole = run_graph(g, {.isas = {Isa::kScalar}});
  for (const std::string& op : used) {
    SCOPED_TRACE(op);
    const auto device = std::make_shared<GuardedDevice>(GuardedOptions{.refused_ops = {op}});
    const GraphRun parts = run_graph(g, {.isas = {Isa::kScalar}, .device = device});
    EXPECT_EQ(parts.taken_apart, std::vector<std::string>{op});
    expect_same(whole, parts, 1e-9);
  }
}

// No step has rounded activations then, and nobody makes them.
TEST_P(Devices, AnActivationTypeCanBeMissing) {
  const Graph g = graph(4, "Q8_0");
  const auto device = std::make_shared<GuardedDevice>(GuardedOptions{.refused_types = {DType::kAct8}});
  const GraphRun there = run_graph(g, {.isas = machine_isas(), .device = device});
  EXPECT_FALSE(there.taken_apart.empty());
  expect_same(run_graph(g, {.isas = machine_isas()}), there, 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Families, Devices,
                         testing::Values(kQwen3, kQwen3Moe, kQwen3Next, kQwen35, kQwen35Moe),
                         [](const auto& instance) { return facts(instance.param).name; });

}  // namespace
}  // namespace gannet
