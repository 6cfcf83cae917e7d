// Every kernel for Vulkan on every case that it accepts, against the reference kernel, on the first usable
// device (GANNET_VULKAN_DEVICE: its number). Skipped where there is none, unless GANNET_VULKAN_MUST is set.
#include <gtest/gtest.h>

#include <cstring>

#include <fmt/core.h>

#include "backend/vulkan/vulkan_for_test.h"
#include "ops/case_run.h"
#include "ops/catalogue.h"

namespace gannet {

// How GoogleTest shows a case.
void PrintTo(const OpCase& op_case, std::ostream* out) {
  *out << op_case.op->name << "/" << op_case.name;
}

namespace {

class VulkanConformance : public testing::TestWithParam<OpCase> {
 protected:
  void SetUp() override {
    static const auto opened = open_vulkan_for_test(shader_code);
    if (!opened.ok()) GTEST_SKIP() << no_vulkan_for_test(opened.error());
    device_ = opened->get();
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

TEST_P(VulkanConformance, KernelsAgreeWithReference) {
  const CaseData data = make_case_data(GetParam());
  std::vector<RunOptions> layouts = {{}};
  if (has_strided(data.op_case)) layouts.push_back({.strided = true});
  if (has_any_stride(data.op_case)) {
    layouts.push_back({.permuted = true});
    layouts.push_back({.strided = true, .permuted = true});
  }
  ThreadTeam team(1);
  int n_run = 0;
  for (const RunOptions& layout : layouts) {
    std::optional<Outcome> expected;
    for (const KernelInfo* kernel : recorded_kernels().kernels_of(*data.op_case.op)) {
      if (kernel->refuses != nullptr && kernel->refuses(data.site()) != nullptr) continue;
      SCOPED_TRACE(fmt::format("kernel {}, {}{}", kernel->name, layout.strided ? "strided" : "dense",
                               layout.permuted ? " and permuted" : ""));
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
      ++n_run;
    }
  }
  if (n_run == 0) GTEST_SKIP() << "no kernel for Vulkan accepts this case";
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
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(VulkanConformance);

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

}  // namespace
}  // namespace gannet
