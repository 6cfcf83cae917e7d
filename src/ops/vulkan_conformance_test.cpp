// Every kernel for Vulkan on every case that it accepts, against the reference kernel
// (backend/vulkan/vulkan_for_test.h says on which device).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "backend/vulkan/vulkan_for_test.h"
#include "ops/case_run.h"
#include "ops/catalogue.h"
#include "ops/matmul/matmul.h"

namespace gannet {

// How GoogleTest shows a case.
void PrintTo(const OpCase& op_case, std::ostream* out) {
  *out << op_case.op->name << "/" << op_case.name;
}

namespace {

const SharedVulkans::Opened& opened_device() {
  return shared_vulkan_for_test(shader_code);
}

class VulkanTest : public testing::TestWithParam<OpCase> {
 protected:
  void SetUp() override {
    if (!opened_device().ok()) GTEST_SKIP() << no_vulkan_for_test(opened_device().error());
    device_ = opened_device()->get();
  }
  void TearDown() override { expect_no_vulkan_messages(); }
  VulkanDevice* device_ = nullptr;
};

bool has_strided(const OpCase& op_case) {
  return std::any_of(op_case.operands.begin(), op_case.operands.end(), [](const CaseOperand& operand) {
    return operand.strided || operand.type.dtype == DType::kKvCache;
  });
}

bool has_any_stride(const OpCase& op_case) {
  for (size_t i = 0; i < op_case.operands.size(); ++i)
    if (op_case.operands[i].strided && operand_def(*op_case.op, i).access == Access::kAny) return true;
  return false;
}

const KernelInfo& reference_of(const OpDef& op) {
  for (const KernelInfo* kernel : all_kernels().kernels_of(op))
    if (std::strcmp(kernel->name, "reference") == 0) return *kernel;
  GANNET_CHECK(false, "op without a reference kernel");
}

// What no kernel takes: heads whose state is too wide for registers.
bool is_refused(const OpCase& op_case) {
  return std::strcmp(op_case.op->name, "delta_mixer") == 0 && op_case.operands.back().type.shape.last() > 128;
}

class VulkanConformance : public VulkanTest {
 protected:
  // Every kernel that takes the case, against the reference.
  void compare_kernels(const RunOptions& layout) {
    const CaseData data = make_case_data(GetParam());
    SCOPED_TRACE(
        fmt::format("{}{}", layout.strided ? "strided" : "dense", layout.permuted ? " and permuted" : ""));
    ThreadTeam team(1);
    std::optional<Outcome> expected;
    for (const KernelInfo* kernel : recorded_kernels().kernels_of(*data.op_case.op)) {
      if (kernel->refuses != nullptr && kernel->refuses(data.site()) != nullptr) continue;
      if ((recorded_kernel(*kernel).needs & ~device_->features()) != 0) continue;
      SCOPED_TRACE(fmt::format("kernel {}", kernel->name));
      if (!expected) {
        CaseRun reference(data, layout);
        reference.run(reference_of(*data.op_case.op), team);
        expected = reference.outcome();
      }
      CaseRun run(data, layout);
      const auto counts = run.run_recorded(*kernel, *device_);
      ASSERT_TRUE(counts.ok()) << counts.error().message();
      EXPECT_GT(counts->dispatches, 0);
      for (const std::string& fault : run.faults()) ADD_FAILURE() << fault;
      for (const std::string& fault : compare(data, run.outcome(), *expected, data.op_case.nmse))
        ADD_FAILURE() << fault;
    }
    EXPECT_EQ(!expected, is_refused(data.op_case)) << "whether a kernel takes this case is not as it was";
  }
};

TEST_P(VulkanConformance, KernelsAgreeWithReference) {
  compare_kernels({});
}

// Where operands lie decides about other loads than the width of subgroups does.
class VulkanLayouts : public VulkanConformance {};

TEST_P(VulkanLayouts, OperandsLieAnyhow) {
  if (has_strided(GetParam())) compare_kernels({.strided = true});
  if (!has_any_stride(GetParam())) return;
  compare_kernels({.permuted = true});
  compare_kernels({.strided = true, .permuted = true});
}

std::vector<OpCase> cases() {
  std::vector<OpCase> some;
  for (OpCase& c : all_cases())
    if (c.op->view == nullptr && !c.bench && !recorded_kernels().kernels_of(*c.op).empty())
      some.push_back(std::move(c));
  return some;
}

INSTANTIATE_TEST_SUITE_P(Ops, VulkanConformance, testing::ValuesIn(cases()),
                         [](const testing::TestParamInfo<OpCase>& test) {
                           return fmt::format("{}_{}", test.param.op->name, test.param.name);
                         });

std::vector<OpCase> cases_with_layouts() {
  std::vector<OpCase> some = cases();
  std::erase_if(some, [](const OpCase& c) { return !has_strided(c) && !has_any_stride(c); });
  return some;
}

INSTANTIATE_TEST_SUITE_P(Ops, VulkanLayouts, testing::ValuesIn(cases_with_layouts()),
                         [](const testing::TestParamInfo<OpCase>& test) {
                           return fmt::format("{}_{}", test.param.op->name, test.param.name);
                         });

// Ops whose kernels depend on how many rows there are, and which operands have a row per token.
const std::map<std::string, RowOperands>& row_ops() {
  static const std::map<std::string, RowOperands> ops = {
      {"linear", {0, 1, 2}},         {"matmul", {0}},
      {"expert_matmul", {0, 2}},     {"moe", {0, 1, 2, 6, 7, 9, 10}},
      {"routed_experts", {0, 1, 2}}, {"top_logits", {0}}};
  return ops;
}

class VulkanRows : public VulkanTest {
 protected:
  // That take so many rows, the one that would be chosen first.
  std::vector<const KernelInfo*> kernels_for(const CaseData& data) {
    std::vector<const KernelInfo*> some;
    for (const KernelInfo* kernel : recorded_kernels().kernels_of(*data.op_case.op))
      if ((kernel->refuses == nullptr || kernel->refuses(data.site()) == nullptr) &&
          (recorded_kernel(*kernel).needs & ~device_->features()) == 0)
        some.push_back(kernel);
    return some;
  }

  // The bytes of each row of the result.
  std::vector<std::string> run(const KernelInfo& kernel, const CaseData& data, const StepRows& rows) {
    SCOPED_TRACE(fmt::format("kernel {}", kernel.name));
    CaseRun run(data, {});
    const auto counts = run.run_recorded(kernel, *device_, rows);
    EXPECT_TRUE(counts.ok()) << counts.error().message();
    for (const std::string& fault : run.faults()) ADD_FAILURE() << fault;
    const std::vector<std::byte> all = run.outcome().results[0];
    const auto n = static_cast<size_t>(data.result_types[0].shape.dim[0]);
    std::vector<std::string> each;
    for (size_t r = 0; r < n; ++r)
      each.emplace_back(reinterpret_cast<const char*>(all.data()) + r * (all.size() / n), all.size() / n);
    return each;
  }
};

TEST_P(VulkanRows, ARowIsTheSameInAnyCompany) {
  constexpr int64_t kRows = 100;
  const RowOperands operands = row_ops().at(GetParam().op->name);
  const CaseData data = make_case_data(with_row_count(GetParam(), operands, kRows));
  const auto rows = [&](int64_t n, int64_t live) {
    std::vector<int64_t> chosen;
    for (int64_t i = 0; i < n; ++i) chosen.push_back(i < live ? (11 * i + 5) % kRows : kNoRow);
    return take_rows(data, operands, chosen);
  };
  std::vector<std::string> alone;
  for (int64_t i = 0; i < 5; ++i) {
    const CaseData one = take_rows(data, operands, {(11 * i + 5) % kRows});
    ASSERT_FALSE(kernels_for(one).empty());
    alone.push_back(run(*kernels_for(one)[0], one, {.exact = 1})[0]);
  }
  // Exact, live and all.
  for (const auto& [exact, live, n] : std::vector<std::array<int64_t, 3>>{
           {2, 2, 2}, {5, 5, 7}, {64, 64, 64}, {3, 90, 100}, {100, 100, 100}, {5, 6, 100}}) {
    SCOPED_TRACE(fmt::format("{} exact, {} live of {} rows", exact, live, n));
    const CaseData company = rows(n, live);
    std::vector<const KernelInfo*> kernels = kernels_for(company);
    ASSERT_FALSE(kernels.empty());
    // The others differ in what they do with rows that need not be exact. Linear's cases are of many types.
    if (n != 100 || exact != 3 || std::strcmp(GetParam().op->name, "linear") != 0) kernels.resize(1);
    for (const KernelInfo* kernel : kernels) {
      const std::vector<std::string> got = run(*kernel, company, {.live = live, .exact = exact});
      for (size_t i = 0; i < std::min<size_t>(static_cast<size_t>(exact), alone.size()); ++i)
        EXPECT_TRUE(got[i] == alone[i]) << "row " << i << " by " << kernel->name;
    }
  }
}

std::vector<OpCase> row_cases() {
  std::vector<OpCase> some;
  for (OpCase& c : cases()) {
    const bool one = c.name.find("t1_") != std::string::npos;
    if (one && row_ops().count(c.op->name) != 0) some.push_back(std::move(c));
  }
  return some;
}

INSTANTIATE_TEST_SUITE_P(Ops, VulkanRows, testing::ValuesIn(row_cases()),
                         [](const testing::TestParamInfo<OpCase>& test) {
                           return fmt::format("{}_{}", test.param.op->name, test.param.name);
                         });

// The cases have many rows of only some types, since the shaders of the others take long to compile; weights
// become halves of every type of blocks.
TEST(VulkanKernels, MatricesTakeAllTypesOfBlocks) {
  if (!opened_device().ok()) GTEST_SKIP() << no_vulkan_for_test(opened_device().error());
  VulkanDevice& device = *opened_device()->get();
  if ((device.features() & kMatrixProducts) == 0) GTEST_SKIP() << no_matrices_for_test();
  const std::vector<const KernelInfo*>& kernels = recorded_kernels().kernels_of(kOp_matmul);
  const auto found = std::ranges::find(kernels, std::string("coopmat"), &KernelInfo::name);
  ASSERT_NE(found, kernels.end());
  ThreadTeam team(1);
  int n_run = 0;
  for (OpCase c : cases()) {
    if (c.op != &kOp_matmul || c.name.find("_t21_37x512") == std::string::npos) continue;
    c.operands[0].type.shape = Shape(70, 512);
    const CaseData data = make_case_data(c);
    SCOPED_TRACE(c.name);
    CaseRun reference(data, {}), run(data, {});
    reference.run(reference_of(*c.op), team);
    const auto counts = run.run_recorded(**found, device);
    ASSERT_TRUE(counts.ok()) << counts.error().message();
    for (const std::string& fault : run.faults()) ADD_FAILURE() << fault;
    for (const std::string& fault : compare(data, run.outcome(), reference.outcome(), c.nmse))
      ADD_FAILURE() << fault;
    ++n_run;
  }
  EXPECT_EQ(n_run, 28);  // with F32, F16 and BF16, which take tiles of floats
  expect_no_vulkan_messages();
}

TEST(VulkanKernels, EveryOneHasACase) {
  std::vector<CaseData> all;
  for (const OpCase& op_case : cases()) all.push_back(make_case_data(op_case));
  for (const KernelInfo* kernel : recorded_kernels().kernels()) {
    const bool judged = std::any_of(all.begin(), all.end(), [&](const CaseData& data) {
      return std::strcmp(data.op_case.op->name, kernel->op) == 0 &&
             (kernel->refuses == nullptr || kernel->refuses(data.site()) == nullptr);
    });
    EXPECT_TRUE(judged) << kernel->op << "/" << kernel->name;
  }
}

// The shared expert beside the choice, gate and up, down: each in one dispatch.
TEST(VulkanKernels, ExpertsOfFewTokensWaitTwice) {
  if (!opened_device().ok()) GTEST_SKIP() << no_vulkan_for_test(opened_device().error());
  int n_run = 0;
  for (const OpCase& op_case : cases()) {
    if (op_case.name != "F32_F32_F32_t1_e8_k2_256x64_s64_residual" &&
        op_case.name != "F32_F32_F32_t5_e8_k2_256x64_s64_residual")
      continue;
    const CaseData data = make_case_data(op_case);
    const KernelChoice choice =
        recorded_kernels().choose(*op_case.op, data.site(), {}, DeviceKind::kVulkan, 0);
    ASSERT_NE(choice.kernel, nullptr);
    CaseRun run(data, {});
    const auto counts = run.run_recorded(*choice.kernel, *opened_device()->get());
    ASSERT_TRUE(counts.ok()) << counts.error().message();
    EXPECT_EQ(counts->dispatches, 4) << op_case.name;
    EXPECT_EQ(counts->barriers, 2) << op_case.name;
    ++n_run;
  }
  EXPECT_EQ(n_run, 2);
}

// One logit of a long row that is special, in places of all kinds.
TEST(VulkanKernels, TopLogitsShowFaultsInEveryPlace) {
  if (!opened_device().ok()) GTEST_SKIP() << no_vulkan_for_test(opened_device().error());
  const std::vector<OpCase> all = cases();
  const auto found =
      std::find_if(all.begin(), all.end(), [](const OpCase& c) { return c.name == "t2_n8193_k128"; });
  ASSERT_NE(found, all.end());
  CaseData data = make_case_data(*found);
  auto* row = reinterpret_cast<float*>(data.operands[0].bytes.data());
  ThreadTeam team(1);
  for (const int64_t at : {0, 1, 63, 64, 1023, 1024, 5000, 8191, 8192})
    for (const float special : {NAN, -NAN, INFINITY, -INFINITY, 100.0f, -0.0f}) {
      SCOPED_TRACE(fmt::format("{} at {}", special, at));
      const float before = std::exchange(row[at], special);
      CaseRun expected(data, {}), run(data, {});
      expected.run(reference_of(*found->op), team);
      const auto counts =
          run.run_recorded(*recorded_kernels().kernels_of(*found->op)[0], *opened_device()->get());
      ASSERT_TRUE(counts.ok()) << counts.error().message();
      const auto got = run.outcome().results[0];
      EXPECT_EQ(got, expected.outcome().results[0]);
      const auto* pairs = reinterpret_cast<const int32_t*>(got.data());
      if (!(special <= 100)) {
        EXPECT_EQ(pairs[1], at);
      }
      row[at] = before;
    }
}

TEST(VulkanKernels, AreChosenByPriorityOrNameAndNotWithoutWhatTheyNeed) {
  const std::vector<OpCase> all = cases();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [](const OpCase& c) { return c.name == "t100_mixed_given_residual"; });
  ASSERT_NE(found, all.end());
  const CaseData many = make_case_data(*found);
  const auto chosen = [&](const std::map<std::string, std::string>& forced, uint32_t features) {
    const KernelChoice choice =
        recorded_kernels().choose(*found->op, many.site(), {{}, forced}, DeviceKind::kVulkan, features);
    return std::string(choice.kernel == nullptr ? "none" : choice.kernel->name);
  };
  EXPECT_EQ(chosen({}, kIntDot), "tiles");
  EXPECT_EQ(chosen({{"linear", "f16"}}, 0), "f16");
  EXPECT_EQ(chosen({{"linear", "int_dot"}}, kIntDot), "int_dot");
  EXPECT_EQ(chosen({{"linear", "int_dot"}}, 0), "none");
  EXPECT_EQ(chosen({{"linear", "coopmat"}}, kMatrixProducts), "coopmat");
  EXPECT_EQ(chosen({{"linear", "coopmat"}}, kIntDot), "none");
}

}  // namespace
}  // namespace gannet
