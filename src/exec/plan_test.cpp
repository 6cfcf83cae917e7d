// How a plan places values and who waits for whom, with ops and kernels made for the test.
#include "exec/plan.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "backend/api/state_view.h"
#include "backend/cpu/cpu_device.h"

namespace gannet {
namespace {

Result<std::vector<TensorType>> like_first(const OpSite& site) {
  return std::vector<TensorType>{{DType::kF32, site.operands[0].shape}};
}
Result<std::vector<TensorType>> two_like_first(const OpSite& site) {
  return std::vector<TensorType>{site.operands[0], site.operands[0]};
}
Result<std::vector<TensorType>> nothing(const OpSite&) {
  return std::vector<TensorType>{};
}
Cost no_cost(const OpSite&) {
  return {};
}

constexpr OperandDef kOne[] = {{"x"}};
constexpr OperandDef kTwo[] = {{"x"}, {"y", true}};

// x + y (or x + 1): in place when it may, in every thread, both, neither.
OpDef sum_op(const char* name, bool elementwise, bool repeatable) {
  return {.name = name,
          .summary = "",
          .operands = kTwo,
          .attrs = {},
          .n_results = 1,
          .infer = like_first,
          .cost = no_cost,
          .elementwise = elementwise,
          .repeatable = repeatable};
}
const OpDef kSum = sum_op("sum", false, false);
const OpDef kInPlace = sum_op("in_place", true, false);
const OpDef kRepeated = sum_op("repeated", false, true);
const OpDef kRepeatedInPlace = sum_op("repeated_in_place", true, true);
const OpDef kBoth = {.name = "both",
                     .summary = "x + 1 and x + 7.",
                     .operands = kOne,
                     .attrs = {},
                     .n_results = 2,
                     .infer = two_like_first,
                     .cost = no_cost,
                     .repeatable = true};
const OpDef kLook = {.name = "look",
                     .summary = "The state's memory.",
                     .operands = kOne,
                     .attrs = {},
                     .n_results = 1,
                     .infer = like_first,
                     .cost = no_cost,
                     .view = [](const OpSite& site, const TensorView& operand) {
                       return contiguous_view(operand.data, DType::kF32, site.operands[0].shape);
                     }};
const OpDef kTail = {
    .name = "tail",
    .summary = "The last row; a view.",
    .operands = kOne,
    .attrs = {},
    .n_results = 1,
    .infer =
        [](const OpSite& site) {
          return Result<std::vector<TensorType>>({{DType::kF32, Shape(1, site.operands[0].shape.dim[1])}});
        },
    .cost = no_cost,
    .view =
        [](const OpSite&, const TensorView& x) {
          TensorView y = x;
          y.data += (x.shape.dim[0] - 1) * x.stride[0];
          y.shape.dim[0] = 1;
          return y;
        }};
const OpDef kStore = {.name = "store",
                      .summary = "Makes x the state, computed in its place.",
                      .operands = kTwo,
                      .attrs = {},
                      .n_results = 0,
                      .infer = nothing,
                      .cost = no_cost,
                      .writes_state = true,
                      .placed_operand = [](const OpSite&) { return 1; }};

// Member 0, the thread of the test, is slow at steps that every thread repeats, when a test wants that.
bool slow_member = false;
const std::thread::id kMember0 = std::this_thread::get_id();
void linger() {
  if (std::this_thread::get_id() == kMember0 && slow_member)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

void add(const KernelArgs& args, int64_t begin, int64_t end, float more, int result) {
  const float* x = args.operands[0].as<float>();
  const float* y =
      args.n_operands > 1 && args.operands[1].data != nullptr ? args.operands[1].as<float>() : nullptr;
  for (int64_t i = begin; i < end; ++i)
    args.results[result].as<float>()[i] = x[i] + (y == nullptr ? more : y[i]);
}

void run_sum(const KernelArgs& args, Worker& worker) {
  int64_t begin, end;
  worker.share(args.results[0].shape.elements(), 1, begin, end);
  add(args, begin, end, 1, 0);
}

void run_repeated(const KernelArgs& args, Worker& worker) {
  EXPECT_EQ(worker.count(), 1);
  linger();
  add(args, 0, args.results[0].shape.elements(), 1, 0);
}

void run_both(const KernelArgs& args, Worker&) {
  linger();
  for (const int result : {0, 1}) add(args, 0, args.results[0].shape.elements(), result == 0 ? 1 : 7, result);
}

const CpuKernel kKernels[] = {{"sum", "test", Isa::kScalar, 0, nullptr, nullptr, run_sum},
                              {"in_place", "test", Isa::kScalar, 0, nullptr, nullptr, run_sum},
                              {"repeated", "test", Isa::kScalar, 0, nullptr, nullptr, run_repeated},
                              {"repeated_in_place", "test", Isa::kScalar, 0, nullptr, nullptr, run_repeated},
                              {"both", "test", Isa::kScalar, 0, nullptr, nullptr, run_both},
                              {}};

const KernelRegistry& registry() {
  static const KernelRegistry all = [] {
    KernelRegistry r;
    r.add_table(kKernels);
    return r;
  }();
  return all;
}

constexpr int64_t kRows = 2, kColumns = 16, kBytes = kRows * kColumns * 4;
const TensorType kType{DType::kF32, Shape(kRows, kColumns)};

struct Built {
  GraphBuilder b{"test"};
  std::vector<float> memory = std::vector<float>(kRows * kColumns, 0.0f);
  StepSegment segment{.base = reinterpret_cast<std::byte*>(memory.data()),
                      .next_base = reinterpret_cast<std::byte*>(memory.data())};
  StepView step{&segment, 1};
  RecurrentView state{&step};

  ValueId input(const char* name) { return b.input(name, kType); }
  ValueId recurrent() { return b.state("s", {DType::kRecurrent, kType.shape}); }

  Plan plan(int n_threads) {
    auto graph = b.finish();
    EXPECT_TRUE(graph.ok()) << graph.error().message();
    PlanOptions options;
    options.policy.isas = {Isa::kScalar};
    options.n_threads = n_threads;
    auto made = Plan::make(
        *graph, registry(), options, [](const std::string&) { return PlacedTensor{}; },
        [&](const std::string&) -> void* { return &state; },
        std::make_shared<Arena>(std::make_shared<CpuDevice>()));
    EXPECT_TRUE(made.ok()) << made.error().message();
    return made.take();
  }
};

void fill(Plan& plan, const char* name, float value) {
  const TensorView x = plan.input(name);
  for (int64_t i = 0; i < x.shape.elements(); ++i) x.as<float>()[i] = value;
}

void expect_all(const TensorView& x, float value) {
  for (int64_t i = 0; i < x.shape.elements(); ++i) ASSERT_EQ(x.as<float>()[i], value) << i;
}

TEST(PlanMemory, AnElementwiseResultTakesTheMemoryOfADyingOperand) {
  Built t;
  const ValueId a = t.b.add1(kSum, {t.input("x"), kNoValue});
  const ValueId b = t.b.add1(kInPlace, {a, kNoValue});
  t.b.output("y", t.b.add1(kInPlace, {b, kNoValue}));
  Plan plan = t.plan(1);
  EXPECT_EQ(plan.unshared_bytes(), kBytes);
  for (const StepInfo& step : plan.steps()) EXPECT_EQ(step.offset, 0);
  ThreadTeam team(1);
  fill(plan, "x", 1);
  plan.run(team).take();
  expect_all(plan.output("y"), 4);
  expect_all(plan.input("x"), 1);
}

TEST(PlanMemory, NotWhenTheOperandLivesOnOrIsAnInput) {
  Built t;
  const ValueId x = t.input("x"), a = t.b.add1(kInPlace, {x, kNoValue});  // an input keeps its place
  const ValueId b = t.b.add1(kInPlace, {a, kNoValue});                    // `a` is read again
  const ValueId c = t.b.add1(kInPlace, {b, a});                           // `b` dies here
  t.b.output("y", c);
  Plan plan = t.plan(1);
  EXPECT_EQ(plan.unshared_bytes(), 2 * kBytes);
  EXPECT_NE(plan.steps()[0].offset, plan.steps()[1].offset);
  EXPECT_EQ(plan.steps()[1].offset, plan.steps()[2].offset);
  ThreadTeam team(1);
  fill(plan, "x", 1);
  plan.run(team).take();
  expect_all(plan.output("y"), 5);
}

TEST(PlanMemory, NotWhenTheOperandIsAnOutputOrReadElsewhereByTheStep) {
  Built t;
  const ValueId a = t.b.add1(kSum, {t.input("x"), kNoValue});
  const ValueId b = t.b.add1(kInPlace, {a, kNoValue});
  const ValueId c = t.b.add1(kInPlace, {b, b});
  t.b.output("a", a);
  t.b.output("c", c);
  Plan plan = t.plan(1);
  EXPECT_EQ(plan.unshared_bytes(), 3 * kBytes);
  ThreadTeam team(1);
  fill(plan, "x", 1);
  plan.run(team).take();
  expect_all(plan.output("a"), 2);
  expect_all(plan.output("c"), 6);
}

TEST(PlanMemory, NotWhenTheOperandIsAPartOfSomething) {
  Built t;
  const ValueId a = t.b.add1(kSum, {t.input("x"), kNoValue});
  t.b.output("y", t.b.add1(kInPlace, {t.b.add1(kTail, {a}), kNoValue}));
  Plan plan = t.plan(1);
  EXPECT_EQ(plan.unshared_bytes(), kBytes + kColumns * 4);
}

// y = x + 4, even when one member is late.
void expect_with_a_slow_member(Plan& plan) {
  ThreadTeam team(2);
  slow_member = true;
  for (int run = 0; run < 3; ++run) {
    fill(plan, "x", static_cast<float>(run));
    plan.run(team).take();
    expect_all(plan.output("y"), static_cast<float>(run + 4));
  }
  slow_member = false;
}

TEST(PlanRepeated, EveryThreadHasItsOwnMemoryAndNobodyWaits) {
  const auto plan_for = [](int n_threads) {
    Built t;
    const ValueId a = t.b.add1(kSum, {t.input("x"), kNoValue});
    const ValueId b = t.b.add1(kRepeated, {a, kNoValue});
    t.b.output("y", t.b.add1(kSum, {b, kNoValue}));
    return t.plan(n_threads);
  };
  const Plan plan = plan_for(2);
  EXPECT_FALSE(plan.steps()[0].repeated);
  EXPECT_TRUE(plan.steps()[1].repeated);
  EXPECT_EQ(plan.steps()[1].barriers, 0);
  EXPECT_EQ(plan.barriers(), 1) << "behind the first step; the end of the run waits anyway";
  EXPECT_EQ(plan.unshared_bytes(), 4 * kBytes) << "two copies of b";
  EXPECT_FALSE(plan_for(1).steps()[1].repeated) << "alone there is nobody to wait for";
}

TEST(PlanRepeated, OutputsAndLargeValuesAreComputedTogether) {
  Built t;
  t.b.output("y", t.b.add1(kRepeated, {t.input("x"), kNoValue}));
  const ValueId large = t.b.input("large", {DType::kF32, Shape(64, 1024)});
  t.b.output("z", t.b.add1(kSum, {t.b.add1(kRepeated, {large, kNoValue}), kNoValue}));
  const Plan plan = t.plan(2);
  for (const StepInfo& step : plan.steps()) EXPECT_FALSE(step.repeated);
}

// a is read by a repeated step while a fast thread is at the next one already: that one's result must not
// take a's memory. Without the rule it would: a has no later reader.
TEST(PlanRepeated, OperandsLiveUntilTheNextBarrier) {
  Built t;
  const ValueId x = t.input("x"), a = t.b.add1(kSum, {x, kNoValue});
  const ValueId b = t.b.add1(kRepeated, {a, kNoValue});
  const ValueId c = t.b.add1(kSum, {b, kNoValue});
  t.b.output("y", t.b.add1(kSum, {c, kNoValue}));
  Plan plan = t.plan(2);
  EXPECT_NE(plan.steps()[0].offset, plan.steps()[2].offset);
  expect_with_a_slow_member(plan);
}

// Nobody reads the second result of `both`: a slow thread still writes it when a fast one is at the next
// step.
TEST(PlanRepeated, ResultsThatNobodyReadsLiveUntilTheNextBarrier) {
  Built t;
  const ValueId operands[] = {t.b.add1(kSum, {t.input("x"), kNoValue})};
  const ValueId used = t.b.add(kBoth, operands, nullptr, 0)[0];
  const ValueId c = t.b.add1(kSum, {used, kNoValue});
  t.b.output("y", t.b.add1(kSum, {c, kNoValue}));
  Plan plan = t.plan(2);
  expect_with_a_slow_member(plan);
}

TEST(PlanRepeated, SharesItsOwnMemoryOnlyWithItsLike) {
  Built t;
  const ValueId a = t.b.add1(kSum, {t.input("x"), kNoValue});
  const ValueId b = t.b.add1(kRepeatedInPlace, {a, kNoValue});  // a is everybody's, b is each one's
  const ValueId c = t.b.add1(kInPlace, {b, kNoValue});          // and c everybody's again
  t.b.output("y", t.b.add1(kSum, {c, kNoValue}));
  Plan plan = t.plan(2);
  EXPECT_EQ(plan.unshared_bytes(), 5 * kBytes);
  ThreadTeam team(2);
  fill(plan, "x", 1);
  plan.run(team).take();
  expect_all(plan.output("y"), 5);
}

TEST(PlanState, AValueIsComputedInTheMemoryOfTheState) {
  Built t;
  const ValueId s = t.recurrent(), x = t.input("x");
  const ValueId next = t.b.add1(kSum, {t.b.add1(kLook, {s}), x});
  const ValueId operands[] = {s, next};
  t.b.add(kStore, operands, nullptr, 0);
  t.b.output("y", t.b.add1(kSum, {next, kNoValue}));
  Plan plan = t.plan(1);
  ASSERT_EQ(plan.steps().size(), 2u) << "no step stores anything";
  EXPECT_EQ(plan.steps()[0].offset, -1) << "not in the arena";
  ThreadTeam team(1);
  fill(plan, "x", 3);
  plan.run(team).take();
  expect_all(plan.output("y"), 4);
  EXPECT_EQ(t.memory[0], 3);
  plan.run(team).take();
  expect_all(plan.output("y"), 7);

  // The old state survives when the new one is written elsewhere.
  std::vector<float> elsewhere(kRows * kColumns, -1);
  t.segment.next_base = reinterpret_cast<std::byte*>(elsewhere.data());
  plan.run(team).take();
  expect_all(plan.output("y"), 10);
  EXPECT_EQ(t.memory[0], 6);
  EXPECT_EQ(elsewhere[0], 9);
}

// Every thread would add to the state once; and the first would change it while the second still reads.
TEST(PlanState, StepsThatReadOrWriteAStateAreNotRepeated) {
  for (const OpDef* maker : {&kRepeated, &kRepeatedInPlace}) {
    Built t;
    const ValueId s = t.recurrent(), look = t.b.add1(kLook, {s});
    const ValueId read = t.b.add1(kRepeated, {look, kNoValue});
    const ValueId next = t.b.add1(*maker, {look, read});
    const ValueId operands[] = {s, next};
    t.b.add(kStore, operands, nullptr, 0);
    t.b.output("y", t.b.add1(kSum, {read, kNoValue}));
    Plan plan = t.plan(2);
    EXPECT_FALSE(plan.steps()[0].repeated);
    EXPECT_FALSE(plan.steps()[1].repeated);
    EXPECT_EQ(plan.barriers(), 2);
  }
}

TEST(PlanErrors, NameWhatIsMissing) {
  GraphBuilder b("test");
  const ValueId w = b.param("w", kType);
  b.output("y", b.add1(kSum, {w, kNoValue}));
  const auto graph = b.finish();
  PlanOptions options;
  options.policy.isas = {Isa::kScalar};
  PlacedTensor given;
  const auto make = [&] {
    return Plan::make(
        *graph, registry(), options, [&](const std::string&) { return given; },
        [](const std::string&) -> void* { return nullptr; },
        std::make_shared<Arena>(std::make_shared<CpuDevice>()));
  };
  EXPECT_NE(make().error().message().find("no parameter \"w\""), std::string::npos);
  given = placed_at({BufferId{1}, 0}, contiguous_view(nullptr, DType::kF32, Shape(4, 16)));
  EXPECT_NE(make().error().message().find("the graph wants F32[2, 16]"), std::string::npos);
}

}  // namespace
}  // namespace gannet
