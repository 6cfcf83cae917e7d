// Long runs: thousands of tokens in one run must equal the same tokens one by one, for every kernel, whether
// the state forgets everything at once, nothing at all, or something in between.
#include "ops/gated_delta_rule/gated_delta_rule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/cpu/isa.h"
#include "ops/case_operands.h"
#include "ops/case_run.h"
#include "ops/catalogue.h"

namespace gannet {
namespace {

constexpr int64_t kTokens = 4150;  // no whole number of chunks
constexpr double kLargestError = 1e-4;

OpCase long_case(const char* name, double alpha_low, double alpha_high, double a) {
  const int64_t s = 64, heads = 2;
  const Shape qk(kTokens, 1, s), v(kTokens, heads, s), logits(kTokens, heads);
  return {&kOp_gated_delta_rule,
          name,
          {normal(qk), normal(qk), normal(v), uniform(logits, alpha_low, alpha_high), normal(logits, 2),
           parameter(Shape(heads), a, a * 0.999), parameter(Shape(heads), -0.01, 0.01),
           recurrent(Shape(heads, s, s), 0.3)},
          pack_attrs(GatedDeltaRuleAttrs{1e-6f, HeadMap::kTiled})};
}

const KernelInfo& kernel_named(const char* name) {
  for (const KernelInfo* kernel : all_kernels().kernels())
    if (std::strcmp(kernel->op, "gated_delta_rule") == 0 && std::strcmp(kernel->name, name) == 0)
      return *kernel;
  GANNET_CHECK(false, name);
}

// The reference, one token per run, the state carried along.
Outcome step_by_step(const CaseData& data) {
  CaseRun run(data, {.same_state = true});
  const KernelInfo& kernel = kernel_named("reference");
  std::vector<TensorType> operand_types = data.operand_types, result_types = data.result_types;
  std::vector<TensorView> operands = run.operands(), results = run.results();
  for (const size_t i : {0, 1, 2, 3, 4}) operand_types[i].shape.dim[0] = operands[i].shape.dim[0] = 1;
  result_types[0].shape.dim[0] = results[0].shape.dim[0] = 1;
  const OpSite site{operand_types.data(), 8, result_types.data(), 1, data.op_case.attrs.raw.data()};
  GuardedBuffer workspace(kernel.workspace(site, 1));
  ThreadTeam team(1);
  StepSegment& segment = run.segment();
  segment.n_rows = 1;
  for (int64_t t = 0; t < kTokens; ++t) {
    segment.n_past = segment.base_at = t;
    segment.next_base_at = t + 1;
    const KernelArgs args{operands.data(), results.data(), data.op_case.attrs.raw.data(), workspace.data()};
    team.run([&](Worker& worker) { kernel.run(args, worker); });
    for (const size_t i : {0, 1, 2, 3, 4}) operands[i].data += operands[i].stride[0];
    results[0].data += results[0].stride[0];
  }
  return run.outcome();
}

double largest_difference(const float* a, const float* b, size_t n) {
  double largest = 0;
  for (size_t i = 0; i < n; ++i) {
    const double difference = std::fabs(static_cast<double>(a[i]) - b[i]);
    if (!(difference <= largest)) largest = std::isnan(difference) ? INFINITY : difference;
  }
  return largest;
}

class LongRun : public testing::TestWithParam<OpCase> {};

TEST_P(LongRun, EqualsStepByStep) {
  const CaseData data = make_case_data(GetParam());
  const Outcome expected = step_by_step(data);
  const auto* steps = reinterpret_cast<const float*>(expected.results[0].data());
  const size_t n = expected.results[0].size() / sizeof(float);
  EXPECT_GT(largest_difference(steps, std::vector<float>(n).data(), n), 0.01) << "all results are about zero";
  const std::vector<Isa> isas = machine_isas();
  ThreadTeam team(2);
  for (const KernelInfo* kernel : all_kernels().kernels()) {
    if (std::strcmp(kernel->op, "gated_delta_rule") != 0) continue;
    if (std::find(isas.begin(), isas.end(), kernel->isa) == isas.end()) continue;
    SCOPED_TRACE(kernel->name);
    ASSERT_TRUE(kernel->refuses == nullptr || kernel->refuses(data.site()) == nullptr);
    CaseRun run(data, {});
    run.run(*kernel, team);
    const Outcome outcome = run.outcome();
    EXPECT_LE(largest_difference(reinterpret_cast<const float*>(outcome.results[0].data()), steps, n),
              kLargestError);
    EXPECT_LE(largest_difference(outcome.recurrent[0].data(), expected.recurrent[0].data(),
                                 expected.recurrent[0].size()),
              kLargestError);
  }
}

// log decay = a * softplus(alpha): -8 * 2.5 = -20, -1 * e^-12 = -6e-6, and everything between -20 and -6e-6.
INSTANTIATE_TEST_SUITE_P(Decay, LongRun,
                         testing::Values(long_case("forgets_at_once", 2.42, 2.5, -8),
                                         long_case("forgets_nothing", -12, -11, -1),
                                         long_case("both", -12, 2.5, -8)),
                         [](const testing::TestParamInfo<OpCase>& test) { return test.param.name; });

}  // namespace
}  // namespace gannet
