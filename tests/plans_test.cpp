// The plans of every family as text: a fusion that appears or vanishes is seen. After a meant change write
// them again with GANNET_UPDATE_GOLDENS=1 and read the difference. Then what is promised of real sizes: steps
// per layer, bytes per token, time to build. Planning calls functions of the kernels, so only those that the
// machine can run take part; the texts say "simd" for whatever it has. The reference kernels, which every
// machine has, must get the same steps.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include <fmt/core.h>

#include "backend/cpu/capabilities.h"
#include "backend/cpu/cpu_device.h"
#include "backend/cpu/isa.h"
#include "exec/hazards.h"
#include "exec/plan.h"
#include "model/graphs.h"
#include "model/model_file_for_test.h"
#include "model/types_for_test.h"
#include "ops/catalogue.h"
#include "passes/compile.h"

namespace gannet {
namespace {

using enum Architecture;

struct Phase {
  const char* name;
  GraphShape shape;
};
const Phase kPhases[] = {{"decode", {.n_tokens = 1, .logits = LogitRows::kLast}},
                         {"prefill", {.n_tokens = 512, .logits = LogitRows::kLast}},
                         {"verify", {.n_tokens = 4, .logits = LogitRows::kAll, .hidden = true}}};

alignas(64) std::byte some_memory[64];  // plans that do not run only need addresses

struct Planned {
  CompiledGraph compiled;
  Plan plan;
  double compile_ms, plan_ms;
};

double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Planned make_plan(const ModelShape& shape, const char* mix, const GraphShape& graph_shape,
                  const GraphOptions& options = {}, int n_threads = 2,
                  const KernelRegistry& kernels = all_kernels(),
                  const std::vector<Isa>& isas = machine_isas()) {
  const WeightTable table = types_for_test(shape, mix, some_memory);
  const double started = now_ms();
  const Graph graph = build_trunk(shape.hp, table, graph_shape).take();
  GraphOptions for_cpu = options;
  for_cpu.passes.can = kCpuCapabilities;
  CompiledGraph compiled = compile_graph(graph, for_cpu, 1024, all_ops()).take();
  const double compiled_at = now_ms();
  PlanOptions plan_options;
  plan_options.policy.isas = isas;
  plan_options.n_threads = n_threads;
  const auto device = std::make_shared<CpuDevice>();
  const Place somewhere{*device->import_host(some_memory), 0};
  Plan plan = Plan::make(
                  compiled.graph, kernels, plan_options,
                  [&](const std::string& name) {
                    return table.has(name) ? placed_at(somewhere, table.view(name)) : PlacedTensor{};
                  },
                  [](const std::string&) -> void* { return some_memory; }, std::make_shared<Arena>(device))
                  .take();
  const double planned_at = now_ms();
  return {std::move(compiled), std::move(plan), compiled_at - started, planned_at - compiled_at};
}

// The kernel's name with "simd" for its instruction set.
std::string kernel_text(const KernelInfo& kernel) {
  const std::string name = kernel.name, isa = isa_name(kernel.isa);
  return kernel.isa != Isa::kScalar && name.starts_with(isa) ? "simd" + name.substr(isa.size()) : name;
}

std::string plan_text(const Planned& p) {
  std::string text =
      fmt::format("{}: {} steps, {} barriers\n", p.plan.name(), p.plan.steps().size(), p.plan.barriers());
  for (const StepInfo& s : p.plan.steps()) {
    std::string results;
    for (const TensorType& type : s.results) results += (results.empty() ? "" : ", ") + to_text(type);
    text += fmt::format("{:>3}  {:<16} {:<22} {:<26} {}\n", s.layer < 0 ? "-" : std::to_string(s.layer),
                        s.op->name, kernel_text(*s.kernel), results,
                        s.repeated ? "by each thread" : fmt::format("barriers {}", s.barriers));
  }
  return text;
}

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class GoldenPlan : public testing::TestWithParam<Architecture> {};

// A plan without what depends on the kernels: their names and their barriers.
std::string steps_of(const std::string& plan) {
  std::istringstream lines(plan);
  std::string line, steps;
  std::getline(lines, line);  // the sum of barriers
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string layer, op, kernel, word;
    words >> layer >> op >> kernel;
    steps += layer + " " + op;
    while (words >> word && word != "barriers" && word != "by") steps += " " + word;
    steps += "\n";
  }
  return steps;
}

TEST_P(GoldenPlan, IsAsStored) {
  for (const Phase& phase : kPhases) {
    const auto text_for = [&](const std::vector<Isa>& isas) {
      return plan_text(make_plan(tiny_shape(GetParam()), "Q4_K_M", phase.shape, {}, 2, all_kernels(), isas));
    };
    const std::string text = text_for(machine_isas());
    const bool simd = machine_isas().size() > 1;
    const std::string path = fmt::format("tests/data/plans/{}.{}.txt", facts(GetParam()).name, phase.name);
    if (simd && std::getenv("GANNET_UPDATE_GOLDENS") != nullptr) {
      std::filesystem::create_directories("tests/data/plans");
      std::ofstream(path, std::ios::binary) << text;
    }
    const std::string stored = read_text(path);
    if (simd) {
      EXPECT_EQ(text, stored) << "after a meant change run again with GANNET_UPDATE_GOLDENS=1";
    }
    EXPECT_EQ(steps_of(text_for({Isa::kScalar})), steps_of(stored)) << "on the reference kernels";
  }
}

TEST_P(GoldenPlan, IsKeptInOrderByItsBarriers) {
  for (const Phase& phase : kPhases)
    for (const bool naive : {false, true}) {
      GraphOptions options;
      options.naive = naive;
      const Planned p = make_plan(tiny_shape(GetParam()), "Q4_K_M", phase.shape, options);
      const auto checked = check_barriers(p.plan.program());
      EXPECT_TRUE(checked.ok()) << phase.name << ": " << checked.error().message();
      EXPECT_EQ(p.plan.walks_segments(), !naive) << phase.name;
    }
}

INSTANTIATE_TEST_SUITE_P(Families, GoldenPlan,
                         testing::Values(kQwen3, kQwen3Moe, kQwen3Next, kQwen35, kQwen35Moe),
                         [](const auto& instance) { return facts(instance.param).name; });

ModelShape real_shape(const char* name) {
  return model_shape(name, {}).take();
}

TEST(Promises, StepsPerLayerOfDecode) {
  const ModelShape shape = real_shape("35b-a3b");
  const Planned p = make_plan(shape, "Q4_0", {.n_tokens = 1});
  std::map<int, int> steps, barriers;
  for (const StepInfo& s : p.plan.steps()) {
    const bool outside = s.op->name == std::string("embed") || &s >= &p.plan.steps().back() - 1;
    if (!outside) ++steps[s.layer], barriers[s.layer] += s.barriers;
  }
  ASSERT_EQ(steps.size(), shape.hp.n_trunk());
  for (const auto& [layer, n] : steps)
    EXPECT_LE(n, shape.hp.is_recurrent(static_cast<uint32_t>(layer)) ? 8 : 9) << "layer " << layer;
  RecordProperty("barriers_per_token", p.plan.barriers());
  fmt::print(
      "35b-a3b decode: {} steps, {} barriers per token; layer 0: {} steps, {} barriers; layer 3: {}, {}\n",
      p.plan.steps().size(), p.plan.barriers(), steps[0], barriers[0], steps[3], barriers[3]);
}

// The floor of the published shapes: every active weight once, the recurrent state read and written once. The
// plan counts what its steps say they move.
TEST(Promises, BytesPerTokenAreNearTheFloor) {
  const ModelShape shape = real_shape("35b-a3b");
  const Planned p = make_plan(shape, "Q4_0", {.n_tokens = 1});
  const Cost cost = p.plan.cost();
  const WeightTable table = types_for_test(shape, "Q4_0", some_memory);
  const Hyperparameters& hp = shape.hp;
  double floor = 0;
  for (const auto& [name, view] : table.all()) {
    const auto bytes = static_cast<double>(tensor_bytes(view.dtype, view.shape));
    if (name == "token_embd.weight")
      floor += static_cast<double>(row_bytes(view.dtype, hp.n_embd));
    else
      floor += name.find("_exps.") == std::string::npos ? bytes : bytes * hp.n_experts_used / hp.n_experts;
  }
  const StateLayout layout = trunk_state_layout(hp, DType::kF16, DType::kF16);
  const double state = static_cast<double>(layout.recurrent_bytes());
  const double moved = static_cast<double>(cost.weight_bytes + cost.state_bytes);
  fmt::print("35b-a3b Q4_0: plan {:.4f} GB per token, floor {:.4f} GB, state {:.1f} MB moved of {:.1f} MB\n",
             moved / 1e9, (floor + 2 * state) / 1e9, static_cast<double>(cost.state_bytes) / 1e6,
             state / 1e6);
  EXPECT_LE(moved, 1.03 * (floor + 2 * state));
  EXPECT_GE(moved, 0.97 * (floor + 2 * state)) << "the plan forgets to count something";
  EXPECT_LE(static_cast<double>(cost.state_bytes), 2.001 * state);
}

// 50 ms is promised; a busy machine and a build with checks get room, a quadratic pass does not. Sanitizers
// make it ten times slower.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr double kMostMilliseconds = 5000;
#else
constexpr double kMostMilliseconds = 500;
#endif

TEST(Promises, GraphsArePlannedQuickly) {
  const ModelShape shape = real_shape("80b-a3b");
  for (const Phase& phase : kPhases) {
    double best = 1e9, compile = 0;
    for (int i = 0; i < 3; ++i) {
      const Planned p = make_plan(shape, "Q4_0", phase.shape);
      if (p.compile_ms + p.plan_ms < best) best = p.compile_ms + p.plan_ms, compile = p.compile_ms;
    }
    fmt::print("80b-a3b {}: graph and passes {:.1f} ms, plan {:.1f} ms\n", phase.name, compile,
               best - compile);
    EXPECT_LT(best, kMostMilliseconds) << phase.name;
  }
}

TEST(Promises, ActivationsOfTheNaiveGraphTakeMore) {
  const ModelShape shape = real_shape("80b-a3b");
  GraphOptions naive;
  naive.naive = true;
  for (const Phase& phase : kPhases) {
    const Planned a = make_plan(shape, "Q4_0", phase.shape, naive), b = make_plan(shape, "Q4_0", phase.shape);
    fmt::print(
        "80b-a3b {}: naive {} steps, {} barriers, {:.1f} MB of activations at once; optimized {} steps, {} "
        "barriers, {:.1f} MB ({:.1f} MB with workspace)\n",
        phase.name, a.plan.steps().size(), a.plan.barriers(), a.plan.activation_bytes() / 1e6,
        b.plan.steps().size(), b.plan.barriers(), b.plan.activation_bytes() / 1e6,
        b.plan.arena_bytes() / 1e6);
    EXPECT_LT(b.plan.activation_bytes(), a.plan.activation_bytes());
  }
}

// What running a plan costs besides its kernels: the same plan with kernels that do nothing. One thread has
// nobody to wait for, so it shows the walk; two threads show the walk and the barriers.
TEST(Promises, ReplayCostsLittle) {
  static std::vector<CpuKernel> idle;
  for (const KernelInfo* kernel : all_kernels().kernels()) {
    idle.push_back(kernel->cpu());
    idle.back().run = [](const KernelArgs&, Worker&) {};
  }
  idle.push_back({});
  KernelRegistry registry;
  registry.add_table(idle.data());
  for (const int n_threads : {1, 2}) {
    Planned p = make_plan(real_shape("80b-a3b"), "Q4_0", {.n_tokens = 1}, {}, n_threads, registry);
    ThreadTeam team(n_threads);
    double best = 1e9;
    for (int round = 0; round < 20; ++round) {
      const double started = now_ms();
      for (int i = 0; i < 100; ++i) p.plan.run(team).take();
      best = std::min(best, (now_ms() - started) * 10);
    }
    fmt::print("80b-a3b decode replayed with kernels that do nothing, {} threads: {:.1f} us ({} barriers)\n",
               n_threads, best, p.plan.barriers());
    if (n_threads > 1) continue;
    EXPECT_LT(best, 100);  // 20 are promised; a loaded machine gets room
  }
}

}  // namespace
}  // namespace gannet
