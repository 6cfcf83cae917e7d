// Programs as data: what steps must wait for, a recording that is replayed, and plans on a device whose
// memory the host cannot touch.
#include "exec/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include <fmt/core.h>

#include "backend/cpu/cpu_device.h"
#include "backend/testing/guarded_device.h"
#include "exec/hazards.h"
#include "exec/plan.h"
#include "exec/recorded_executor.h"

namespace gannet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kColumns = 16;

Result<std::vector<TensorType>> like_first(const OpSite& site) {
  return std::vector<TensorType>{site.operands[0]};
}
Cost no_cost(const OpSite&) {
  return {};
}
constexpr OperandDef kTwo[] = {{"x"}, {"y", true}};

OpDef row_op(const char* name, bool repeatable) {
  return {.name = name,
          .summary = "",
          .operands = kTwo,
          .attrs = {},
          .n_results = 1,
          .infer = like_first,
          .cost = no_cost,
          .repeatable = repeatable};
}
const OpDef kSum = row_op("sum", false);           // x + y, or x + 1
const OpDef kRepeated = row_op("repeated", true);  // the same
const OpDef kTwice = [] {                          // 2 * x, made of a sum
  OpDef op = row_op("twice", false);
  op.decompose = [](GraphBuilder& b, const OpSite&, std::span<const ValueId> operands,
                    const DecomposeContext&) {
    return std::vector<ValueId>{b.add1(kSum, {operands[0], operands[0]})};
  };
  return op;
}();
const OpDef kFour = [] {  // 4 * x, made of `twice`, with a step that nobody needs
  OpDef op = row_op("four", false);
  op.decompose = [](GraphBuilder& b, const OpSite&, std::span<const ValueId> operands,
                    const DecomposeContext&) {
    b.add1(kSum, {operands[0], kNoValue});
    return std::vector<ValueId>{b.add1(kTwice, {b.add1(kTwice, {operands[0], kNoValue}), kNoValue})};
  };
  return op;
}();
const OpDef kTail = {
    .name = "tail",
    .summary = "The last columns; a view.",
    .operands = kTwo,
    .attrs = {},
    .n_results = 1,
    .infer =
        [](const OpSite& site) {
          const Shape& x = site.operands[0].shape;
          return Result<std::vector<TensorType>>({{DType::kF32, Shape(x.dim[0], x.dim[1] - 1)}});
        },
    .cost = no_cost,
    .view =
        [](const OpSite&, const TensorView& x) {
          TensorView y = x;
          y.data += 4;
          y.shape.dim[1] -= 1;
          return y;
        }};

StepRows seen_rows;

void run_sum(const KernelArgs& args, Worker& worker) {
  if (worker.index() == 0) seen_rows = args.rows;
  const TensorView &x = args.operands[0], &y = args.operands[1], &to = args.results[0];
  int64_t begin, end;
  worker.share(std::min(to.shape.dim[0], args.rows.live), 1, begin, end);
  for (int64_t row = begin; row < end; ++row)
    for (int64_t i = 0; i < to.shape.dim[1]; ++i)
      to.f32(row)[i] = x.f32(row)[i] + (y.data == nullptr ? 1 : y.f32(row)[i]);
}
void run_twice(const KernelArgs& args, Worker& worker) {
  const TensorView operands[] = {args.operands[0], args.operands[0]};
  KernelArgs both = args;
  both.operands = operands;
  run_sum(both, worker);
}

const CpuKernel kKernels[] = {{"sum", "test", Isa::kScalar, 0, nullptr, nullptr, run_sum},
                              {"repeated", "test", Isa::kScalar, 0, nullptr, nullptr, run_sum},
                              {"twice", "test", Isa::kScalar, 0, nullptr, nullptr, run_twice},
                              {}};

struct Built {
  GraphBuilder b{"test"};
  int64_t rows = 2;
  std::shared_ptr<Device> device = std::make_shared<CpuDevice>();
  std::shared_ptr<Arena> arena = std::make_shared<Arena>(device);
  std::vector<float> weights = std::vector<float>(2 * kColumns, 100);
  KernelRegistry kernels = [] {
    KernelRegistry all;
    all.add_table(kKernels);
    return all;
  }();

  explicit Built(std::shared_ptr<Device> d = nullptr) {
    if (d == nullptr) return;
    device = std::move(d);
    arena = std::make_shared<Arena>(device);
  }
  ValueId input(const char* name, InputSource source = InputSource::kGiven) {
    return b.input(name, {DType::kF32, Shape(rows, kColumns)}, source);
  }
  ValueId plus_one(ValueId x) { return b.add1(kSum, {x, kNoValue}); }

  Result<Plan> try_plan(int n_threads) {
    auto graph = b.finish();
    EXPECT_TRUE(graph.ok()) << graph.error().message();
    PlanOptions options;
    options.policy.isas = {Isa::kScalar};
    options.n_threads = n_threads;
    return Plan::make(
        *graph, kernels, options,
        [&](const std::string&) {
          const TensorView view = contiguous_view(weights.data(), DType::kF32, Shape(rows, kColumns));
          const auto bytes = std::as_bytes(std::span(weights));
          return placed_at({*bring_to_device(*device, bytes), 0}, view);
        },
        [](const std::string&) -> void* { return nullptr; }, arena);
  }
  Plan plan(int n_threads = 1) {
    auto made = try_plan(n_threads);
    EXPECT_TRUE(made.ok()) << made.error().message();
    return made.take();
  }
};

void fill(const TensorView& x, float first) {
  for (int64_t i = 0; i < x.shape.elements(); ++i) x.as<float>()[i] = first + static_cast<float>(i);
}

std::vector<float> result(const Plan& plan, const char* name = "y") {
  const int index = plan.output_index(name);
  const Shape shape = plan.output_on_device(index).shape;
  std::vector<float> values(static_cast<size_t>(shape.elements()));
  plan.read_output(index, 0, shape.rows(), std::as_writable_bytes(std::span(values))).take();
  return values;
}

std::vector<float> counting(float first, int64_t n = 2 * kColumns) {
  std::vector<float> values;
  for (int64_t i = 0; i < n; ++i) values.push_back(first + static_cast<float>(i));
  return values;
}

// a = x + 1, b = a + 1, c = a + b, d = c + 1 where a was, y = d + b.
Plan diamond(int n_threads = 1) {
  Built t;
  const ValueId a = t.plus_one(t.input("x")), b = t.plus_one(a), c = t.b.add1(kSum, {a, b});
  t.b.output("y", t.b.add1(kSum, {t.plus_one(c), b}));
  return t.plan(n_threads);
}

TEST(Program, KnowsWhatEachStepWaitsFor) {
  const Plan plan = diamond();
  EXPECT_THAT(waits_for(plan.program()),
              ElementsAre(ElementsAre(), ElementsAre(0u), ElementsAre(1u), ElementsAre(2u), ElementsAre(3u)))
      << to_text(plan.program());
  Built t;  // two that have nothing to do with each other, then both
  const ValueId a = t.plus_one(t.input("x")), b = t.plus_one(t.input("z"));
  t.b.output("y", t.b.add1(kSum, {a, b}));
  EXPECT_THAT(waits_for(t.plan().program()), ElementsAre(ElementsAre(), ElementsAre(), ElementsAre(0u, 1u)));
}

TEST(Program, NamesTheStepsWhoseOrderIsLost) {
  const Plan plan = diamond();
  const Program& program = plan.program();
  const Waits waits = waits_for(program);
  ASSERT_TRUE(check_waits(program, waits).ok());
  int dropped = 0;
  for (size_t step = 0; step < waits.size(); ++step)
    for (const size_t earlier : waits[step]) {
      Waits fewer = waits;
      std::erase(fewer[step], earlier);
      const auto checked = check_waits(program, fewer);
      ASSERT_FALSE(checked.ok()) << step << " without " << earlier;
      EXPECT_THAT(checked.error().message(), HasSubstr("does not wait for it"));
      ++dropped;
    }
  EXPECT_EQ(dropped, 4);
  Waits fewer = waits;
  fewer[3].clear();
  EXPECT_EQ(check_waits(program, fewer).error().message(),
            "step 3 (sum) writes arena+0..128, which step 0 (sum) writes, and does not wait for it");
}

TEST(Program, BarriersKeepTheOrderToo) {
  Built t;
  const ValueId x = t.input("x"), a = t.plus_one(x), b = t.b.add1(kRepeated, {a, kNoValue});
  t.b.output("y", t.plus_one(t.b.add1(kSum, {t.b.add1(kRepeated, {b, kNoValue}), x})));
  const Plan plan = t.plan(2);
  ASSERT_TRUE(plan.steps()[1].repeated && plan.steps()[2].repeated);
  EXPECT_TRUE(check_barriers(plan.program()).ok()) << check_barriers(plan.program()).error().message();
  Program wrong = plan.program();
  wrong.steps[0].repeated = true;  // no barrier behind what everybody needs
  EXPECT_EQ(check_barriers(wrong).error().message(),
            "step 1 (repeated) reads arena+512..640, which step 0 (sum) writes, and does not wait for it");
}

// Of a recording: one barrier may serve several steps. None is missing, and none is there for nothing.
TEST(Program, EachBarrierOfARecordingIsNeeded) {
  const Plan plan = diamond();
  const Program& program = plan.program();
  const std::vector<size_t> before = barriers_before(program, waits_for(program));
  ASSERT_FALSE(before.empty());
  ASSERT_TRUE(check_recorded_barriers(program, before).ok());
  for (const size_t step : before) {
    std::vector<size_t> fewer = before;
    std::erase(fewer, step);
    const auto checked = check_recorded_barriers(program, fewer);
    ASSERT_FALSE(checked.ok()) << "without the one in front of " << step;
    EXPECT_THAT(checked.error().message(), HasSubstr(fmt::format("and step {} (", step)));
    EXPECT_THAT(checked.error().message(), HasSubstr("there is no barrier between"));
  }
  for (size_t step = 1; step < program.steps.size(); ++step) {
    if (std::ranges::count(before, step) > 0) continue;
    std::vector<size_t> more = before;
    more.insert(std::ranges::upper_bound(more, step), step);
    const auto checked = check_recorded_barriers(program, more);
    ASSERT_FALSE(checked.ok()) << "with one in front of " << step;
    EXPECT_THAT(checked.error().message(), HasSubstr("is not needed"));
  }
}

TEST(Program, HasATextForm) {
  Built t;
  const ValueId w = t.b.param("w", {DType::kF32, Shape(2, kColumns)});
  t.b.output("y", t.b.add1(kSum, {t.plus_one(t.input("x")), w}));
  const std::string text = to_text(t.plan().program());
  EXPECT_EQ(text,
            "program test: 2 steps, arena 256 bytes\n"
            "   0 sum test: F32[2, 16] arena+0 <- F32[2, 16] run+64, _\n"
            "   1 sum test: F32[2, 16] arena+128 <- F32[2, 16] arena+0, F32[2, 16] buffer 1+0\n"
            "output y = F32[2, 16] arena+128\n");
}

// What another kind of device would do: write down kernels and addresses once, and go through them again with
// another run block.
struct Recording {
  struct Call {
    const KernelInfo* kernel;
    std::vector<TensorView> operands, results;
    AttrBytes attrs;
  };
  std::vector<Call> calls;

  Recording(const Program& program, const Device& device, Place arena) {
    const auto views = [&](std::span<const Slot> slots) {
      std::vector<TensorView> all;
      for (const Slot& slot : slots) {
        Place place = slot.tensor.place;
        if (slot.home == Home::kArena) place = arena + place.offset;
        all.push_back(slot.home == Home::kNone ? TensorView{} : view_at(device.address(place), slot.tensor));
      }
      return all;
    };
    for (const ProgramStep& step : program.steps)
      calls.push_back({step.kernel, views(program.operands(step)), views(program.results(step)), step.attrs});
  }

  void replay(Device& device, const StepRows& rows) const {
    device.begin_kernels();
    for (const Call& call : calls) {
      Worker alone = Worker::alone();
      call.kernel->run({call.operands.data(), call.results.data(), call.attrs.raw.data(), nullptr,
                        static_cast<int>(call.operands.size()), rows},
                       alone);
    }
    device.end_kernels();
  }
};

TEST(Program, CanBeRecordedAndReplayedWithAnotherRunBlock) {
  const auto device = std::make_shared<GuardedDevice>();
  Built t(device);
  const ValueId w = t.b.param("w", {DType::kF32, Shape(2, kColumns)});
  t.b.output("y", t.b.add1(kSum, {t.plus_one(t.input("x")), w}));
  const Plan plan = t.plan();
  t.arena->reserve(plan.arena_bytes()).take();
  const Recording recording(plan.program(), *device, t.arena->at(0));
  const PlacedTensor x = plan.program().slots[plan.program().inputs[0].slot].tensor;
  for (const float first : {1.0f, 50.0f}) {
    const std::vector<float> values = counting(first);
    device->upload(x.place, std::as_bytes(std::span(values))).take();
    recording.replay(*device, {});
    EXPECT_EQ(result(plan), counting(first + 101));
  }
}

TEST(PlanOnADevice, GivesTheSameWhereTheHostSeesNothing) {
  const auto run = [](std::shared_ptr<Device> device) {
    Built t(std::move(device));
    const ValueId w = t.b.param("w", {DType::kF32, Shape(2, kColumns)});
    const ValueId y = t.b.add1(kSum, {t.plus_one(t.input("x")), w});
    t.b.output("y", y);
    t.b.output("tail", t.b.add1(kTail, {y, kNoValue}));
    Plan plan = t.plan(2);
    ThreadTeam team(2);
    fill(plan.input("x"), 3);
    plan.run(team).take();
    EXPECT_EQ(result(plan), counting(104));
    std::vector<float> row(kColumns - 1);
    plan.read_output(plan.output_index("tail"), 1, 1, std::as_writable_bytes(std::span(row))).take();
    EXPECT_EQ(row, counting(105 + kColumns, kColumns - 1)) << "a row of a view";
    return plan.output("y").data != nullptr;
  };
  EXPECT_TRUE(run(std::make_shared<CpuDevice>()));
  EXPECT_FALSE(run(std::make_shared<GuardedDevice>()));
}

TEST(PlanOnADevice, OpsThatItLacksAreTakenApart) {
  const auto steps = [](GuardedOptions options) {
    Built t(std::make_shared<GuardedDevice>(std::move(options)));
    t.b.output("y", t.b.add1(kFour, {t.input("x"), kNoValue}));
    Plan plan = t.plan();
    ThreadTeam team(1);
    fill(plan.input("x"), 0);
    plan.run(team).take();
    EXPECT_EQ(result(plan)[5], 20);
    std::string names;
    for (const StepInfo& step : plan.steps()) names += std::string(step.op->name) + " ";
    for (const std::string& name : plan.taken_apart()) names += "-" + name;
    EXPECT_THAT(plan.explain(), HasSubstr("taken apart, guarded has no kernel: four\n"));
    return names;
  };
  EXPECT_EQ(steps({}), "twice twice -four");
  EXPECT_EQ(steps({.refused_ops = {"twice"}}), "sum sum -twice-four");
}

TEST(PlanOnADevice, APrimitiveWithoutAKernelIsNamed) {
  for (const GuardedOptions& options :
       {GuardedOptions{.refused_ops = {"sum", "twice"}}, GuardedOptions{.refused_types = {DType::kF32}}}) {
    Built t(std::make_shared<GuardedDevice>(options));
    t.b.output("y", t.b.add1(kFour, {t.input("x"), kNoValue}));
    const auto plan = t.try_plan(1);
    ASSERT_FALSE(plan.ok());
    EXPECT_EQ(plan.error().code(), ErrorCode::kRuntime);
    EXPECT_THAT(plan.error().message(),
                HasSubstr("no kernel can run sum (test: the test device has no such"));
  }
}

TEST(PlanRows, AreExactUpToALimit) {
  for (const int64_t rows : {int64_t{1}, kExactRows, kExactRows + 1}) {
    Built t;
    t.rows = rows;
    t.b.output("y", t.plus_one(t.input("x", InputSource::kHidden)));
    Plan plan = t.plan();
    ThreadTeam team(1);
    fill(plan.input("x"), 0);
    plan.run(team).take();
    EXPECT_EQ(seen_rows.live, rows);
    EXPECT_EQ(seen_rows.exact, rows <= kExactRows ? rows : 0);
    plan.run(team, StepRows{.live = 1, .exact = 1}).take();
    EXPECT_EQ(seen_rows.live, 1);
    EXPECT_EQ(seen_rows.exact, 1);
    EXPECT_EQ(plan.step_rows(3).exact, 3) << "few rows are exact in a plan for many as well";
  }
}

TEST(RunBlock, SendsWhatChangesAndConstantsOnce) {
  const auto device = std::make_shared<GuardedDevice>();
  Built t(device);
  t.rows = kColumns;
  const ValueId x = t.input("x"), h = t.input("h", InputSource::kHidden);
  t.b.output("y", t.b.add1(kSum, {t.b.add1(kSum, {x, h}), t.input("eye", InputSource::kEye)}));
  Plan plan = t.plan();
  ThreadTeam team(1);
  constexpr int64_t kValue = kColumns * kColumns * 4, kHead = 64;
  const auto sent = [&] {
    const int64_t before = device->uploaded_bytes();
    plan.run(team).take();
    return device->uploaded_bytes() - before;
  };
  fill(plan.input("x"), 1);
  fill(plan.input("h"), 0);
  fill(plan.input("eye"), 0);
  EXPECT_EQ(sent(), kHead + 3 * kValue);
  EXPECT_EQ(sent(), kHead + 2 * kValue);
  EXPECT_EQ(result(plan)[7], 8 + 7 + 7);
  fill(plan.input("eye"), 10);
  EXPECT_EQ(sent(), kHead + 3 * kValue) << "a constant was written again";

  // Hidden rows of another plan go from place to place.
  const std::vector<float> rows(kColumns * kColumns, 1000);
  const PlacedTensor hidden = plan.hidden_on_device();
  device->upload(hidden.place, std::as_bytes(std::span(rows))).take();
  EXPECT_EQ(sent(), kHead + kValue);
  EXPECT_EQ(result(plan)[7], 8 + 1000 + 17);
}

}  // namespace
}  // namespace gannet
