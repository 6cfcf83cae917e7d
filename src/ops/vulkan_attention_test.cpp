// A row of attention has the same bits however the rows of its sequence are dealt out to steps: one by one,
// in drafts, in prompts (backend/vulkan/vulkan_for_test.h says on which device).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include <fmt/core.h>

#include "backend/vulkan/vulkan_for_test.h"
#include "ops/case_run.h"
#include "ops/catalogue.h"

namespace gannet {
namespace {

constexpr int64_t kRows = 80;  // more than take parts of sums apart

struct Use {
  const char *op, *name;
};
void PrintTo(const Use& use, std::ostream* out) {
  *out << use.op << "/" << use.name;
}

RowOperands row_operands(const OpCase& op_case) {
  RowOperands rows;
  for (size_t i = 0; i < op_case.operands.size(); ++i)
    if (op_case.operands[i].strided || op_case.operands[i].fill.kind == Fill::Kind::kPositions)
      rows.push_back(i);
  return rows;
}

size_t cache_operand(const CaseData& data) {
  return static_cast<size_t>(std::ranges::find(data.operand_types, DType::kKvCache, &TensorType::dtype) -
                             data.operand_types.begin());
}

// With so many rows.
OpCase case_of(const Use& use, int64_t n_rows) {
  for (OpCase& c : all_cases()) {
    if (c.op->name != std::string(use.op) || c.name != use.name) continue;
    c.kv_nmse = 1;  // so that the rows of the cache are among the outcome
    return with_row_count(c, row_operands(c), n_rows);
  }
  GANNET_CHECK(false, "no such case");
}

struct Ran {
  std::vector<std::string> rows;  // of the result
  std::vector<float> cache;       // [token, kv head, K and V, head_dim]
  RecordingCounts counts;
};

Ran run(const CaseData& data, VulkanDevice& device) {
  Ran ran;
  for (const KernelInfo* kernel : recorded_kernels().kernels_of(*data.op_case.op)) {
    if (kernel->refuses != nullptr && kernel->refuses(data.site()) != nullptr) continue;
    CaseRun run(data, {});
    const auto counts = run.run_recorded(*kernel, device);
    EXPECT_TRUE(counts.ok()) << counts.error().message();
    if (counts.ok()) ran.counts = *counts;
    for (const std::string& fault : run.faults()) ADD_FAILURE() << fault;
    const Outcome outcome = run.outcome();
    const auto n = static_cast<size_t>(data.result_types[0].shape.dim[0]);
    const size_t bytes = outcome.results[0].size() / n;
    for (size_t r = 0; r < n; ++r)
      ran.rows.emplace_back(reinterpret_cast<const char*>(outcome.results[0].data()) + r * bytes, bytes);
    ran.cache = outcome.kv_rows;
    return ran;
  }
  ADD_FAILURE() << "no kernel";
  return ran;
}

// The step of rows [first, first + n) alone, with what the rows before them left in the cache.
CaseData part_of(const CaseData& data, const std::vector<float>& cache, int64_t first, int64_t n) {
  std::vector<int64_t> rows(static_cast<size_t>(n));
  std::iota(rows.begin(), rows.end(), first);
  CaseData part = take_rows(data, row_operands(data.op_case), rows);
  OperandData& kv = part.operands[cache_operand(data)];
  const int64_t heads = kv.type.shape.dim[0], d = kv.type.shape.dim[1];
  kv.k_past.clear();
  kv.v_past.clear();
  for (int64_t at = 0; at < (kv.n_past + first) * heads; ++at) {
    const float* k = &cache[static_cast<size_t>(2 * at * d)];
    kv.k_past.insert(kv.k_past.end(), k, k + d);
    kv.v_past.insert(kv.v_past.end(), k + d, k + 2 * d);
  }
  kv.n_past += first;
  kv.n_new = n;
  return part;
}

class VulkanAttention : public testing::TestWithParam<Use> {
 protected:
  void SetUp() override {
    const auto& opened = shared_vulkan_for_test(shader_code);
    if (!opened.ok()) GTEST_SKIP() << no_vulkan_for_test(opened.error());
    device_ = opened->get();
  }
  void TearDown() override { expect_no_vulkan_messages(); }
  VulkanDevice* device_ = nullptr;
};

TEST_P(VulkanAttention, ARowIsTheSameInAnyStep) {
  const CaseData data = make_case_data(case_of(GetParam(), kRows));
  const Ran whole = run(data, *device_);
  ASSERT_EQ(whole.rows.size(), static_cast<size_t>(kRows));
  constexpr std::array<std::array<int64_t, 2>, 9> kSteps = {
      {{0, 1}, {37, 1}, {79, 1}, {36, 2}, {5, 3}, {30, 16}, {21, 29}, {16, 64}, {0, 65}}};
  for (const auto& [first, n] : kSteps) {
    SCOPED_TRACE(fmt::format("a step of rows {} to {}", first, first + n - 1));
    const Ran part = run(part_of(data, whole.cache, first, n), *device_);
    ASSERT_EQ(part.rows.size(), static_cast<size_t>(n));
    for (int64_t r = 0; r < n; ++r)
      EXPECT_TRUE(part.rows[static_cast<size_t>(r)] == whole.rows[static_cast<size_t>(first + r)])
          << "row " << r;
  }
}

// Everything in front of the sums, the sums of all parts, and what joins them.
TEST_P(VulkanAttention, ARowAloneIsThreeDispatches) {
  const RecordingCounts counts = run(make_case_data(case_of(GetParam(), 1)), *device_).counts;
  EXPECT_EQ(counts.dispatches, 3);
  EXPECT_EQ(counts.barriers, 2);
}

// Tiles that end within a step, more tiles than parts of a sum, groups of heads that fill no group of
// invocations.
INSTANTIATE_TEST_SUITE_P(Ops, VulkanAttention,
                         testing::Values(Use{"attention", "t1_h3of1_d40_past70_f32"},
                                         Use{"attention", "t1_h16of2_d256_past700_f16"},
                                         Use{"attention", "t1_h16of8_d128_past300_bf16"},
                                         Use{"attention", "t2_h40of20_d8_past2100_f16"},
                                         Use{"attention_mixer", "t1_h16of2_d256_past700_f16"},
                                         Use{"attention_mixer", "t3_h6of2_d72_past255_f16"}));

}  // namespace
}  // namespace gannet
