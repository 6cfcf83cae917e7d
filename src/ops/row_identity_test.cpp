// Exact rows: what a kernel computes for a row is the same to the bit whatever other rows share the step, for
// every kernel of every op that works row by row, in every case that is not model-sized. Ops with a state
// have tests of their own.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <set>

#include <fmt/core.h>

#include "backend/cpu/isa.h"
#include "ops/case_run.h"
#include "ops/catalogue.h"

namespace gannet {

void PrintTo(const OpCase& op_case, std::ostream* out) {
  *out << op_case.op->name << "/" << op_case.name;
}

namespace {

// Ops that work row by row, and which operands have a row per token.
const std::map<std::string, RowOperands>& row_ops() {
  static const std::map<std::string, RowOperands> ops = {
      {"cast", {0}},
      {"copy", {0}},
      {"embed", {1}},
      {"expert_matmul", {0, 2}},
      {"gated_add", {0, 1, 2}},
      {"gated_rms_norm", {0, 2}},
      {"gather_columns", {0, 1}},
      {"gather_rows", {1}},
      {"l2_norm", {0}},
      {"linear", {0, 1, 2}},
      {"matmul", {0}},
      {"moe", {0, 1, 2, 6, 7, 9, 10}},  // all but the weights
      {"norm_quantize", {0}},
      {"quantize", {0}},
      {"rms_norm", {0}},
      {"rms_scale", {0}},
      {"rope", {0, 1}},
      {"routed_experts", {0, 1, 2}},
      {"router", {0}},
      {"scale", {0}},
      {"swiglu", {0, 1}},
      {"top_k", {0}},
      {"top_logits", {0}},
      {"unary", {0}},
  };
  return ops;
}

// Ops that compute with a state, and primitives whose first axis is not the tokens' or that mix them.
const std::set<std::string>& other_ops() {
  static const std::set<std::string> ops = {
      "attention", "attention_mixer", "causal_conv", "delta_mixer", "gated_delta_rule",
      "kv_append", "kv_read",         "state_read",  "state_write", "bmm",
      "concat",    "conv1d",          "cumsum",      "pad",         "reduce_sum",
      "repeat",    "softmax",         "solve_tri",   "tri"};
  return ops;
}

// With broadcasting it is the case that decides; heads that are shared along axis 0 are not rows.
std::optional<RowOperands> rows_of_binary(const OpCase& op_case) {
  const int64_t a = op_case.operands[0].type.shape.dim[0], b = op_case.operands[1].type.shape.dim[0];
  if (a == b) return RowOperands{0, 1};
  if (a == 1) return RowOperands{1};
  if (b == 1) return RowOperands{0};
  return std::nullopt;
}

bool is_binary(const std::string& op) {
  return op == "add" || op == "sub" || op == "mul" || op == "div";
}

std::optional<RowOperands> row_operands(const OpCase& op_case) {
  if (is_binary(op_case.op->name)) return rows_of_binary(op_case);
  const auto found = row_ops().find(op_case.op->name);
  return found == row_ops().end() ? std::nullopt : std::optional(found->second);
}

ThreadTeam& team(int n_threads) {
  static ThreadTeam one(1), three(3);
  return n_threads == 1 ? one : three;
}

std::vector<const KernelInfo*> kernels_for(const CaseData& data) {
  static const std::vector<Isa> isas = machine_isas();
  std::vector<const KernelInfo*> kernels;
  for (const KernelInfo* kernel : all_kernels().kernels())
    if (std::strcmp(kernel->op, data.op_case.op->name) == 0 &&
        std::find(isas.begin(), isas.end(), kernel->isa) != isas.end() &&
        (kernel->refuses == nullptr || kernel->refuses(data.site()) == nullptr))
      kernels.push_back(kernel);
  return kernels;
}

Outcome run_checked(const CaseData& data, const KernelInfo& kernel, int n_threads, const StepRows& rows) {
  CaseRun run(data, {});
  run.run(kernel, team(n_threads), rows);
  for (const std::string& fault : run.faults()) ADD_FAILURE() << fault;
  return run.outcome();
}

// The bytes of each result's rows [first, first + n).
using Results = std::vector<std::vector<std::byte>>;
Results rows_of(const Outcome& outcome, const CaseData& data, int64_t first, int64_t n) {
  Results rows;
  for (size_t i = 0; i < outcome.results.size(); ++i) {
    const auto& all = outcome.results[i];
    const int64_t bytes = static_cast<int64_t>(all.size()) / data.result_types[i].shape.dim[0];
    rows.emplace_back(all.begin() + first * bytes, all.begin() + (first + n) * bytes);
  }
  return rows;
}

// n of the case's rows in an order in which neighbours are others than in the case.
std::vector<int64_t> some_rows(int64_t n) {
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < n; ++i) rows.push_back((11 * i + 5 * n) % kExactRows);
  return rows;
}

class RowIdentity : public testing::TestWithParam<OpCase> {
 protected:
  RowIdentity()
      : operands_(*row_operands(GetParam())),
        data_(make_case_data(with_row_count(GetParam(), operands_, kExactRows))) {}

  CaseData rows(const std::vector<int64_t>& chosen) const { return take_rows(data_, operands_, chosen); }

  // What `kernel` makes of each row by itself.
  std::vector<Results> alone(const KernelInfo& kernel) const {
    std::vector<Results> all;
    for (int64_t r = 0; r < kExactRows; ++r) {
      const CaseData one = rows({r});
      all.push_back(run_checked(one, kernel, 1, {.exact = 1}).results);
    }
    return all;
  }

  // Runs `kernel` with n rows, `step` of them live and exact. Dead ones are without any sense: their bits are
  // NaN, and no index among them is valid. Live rows that need not be exact come out as by themselves, to
  // what float32 errors in front of a rounding can do.
  void check(const KernelInfo& kernel, const std::vector<Results>& expected, const StepRows& step,
             int64_t n) const {
    std::vector<int64_t> chosen = some_rows(step.live);
    const CaseData live = rows(chosen);
    chosen.resize(static_cast<size_t>(n), kNoRow);
    const CaseData all = rows(chosen);
    const Outcome outcome = run_checked(all, kernel, n % 5 == 0 || n == kExactRows ? 3 : 1, step);
    Outcome got, law;
    got.results = rows_of(outcome, all, 0, step.live);
    law.results.resize(got.results.size());
    for (int64_t r = 0; r < step.live; ++r) {
      const Results& row = expected[static_cast<size_t>(chosen[static_cast<size_t>(r)])];
      if (r < step.exact) {
        ASSERT_EQ(rows_of(outcome, all, r, 1), row) << "row " << r;
      }
      for (size_t i = 0; i < row.size(); ++i)
        law.results[i].insert(law.results[i].end(), row[i].begin(), row[i].end());
    }
    for (const std::string& fault : compare(live, got, law, kRoundedNmse)) ADD_FAILURE() << fault;
  }

  RowOperands operands_;
  CaseData data_;
};

TEST_P(RowIdentity, ARowIsTheSameInAnyCompany) {
  for (const KernelInfo* kernel : kernels_for(data_)) {
    SCOPED_TRACE(kernel->name);
    const std::vector<Results> expected = alone(*kernel);
    for (const int64_t n : {1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33, 64}) {
      SCOPED_TRACE(fmt::format("{} rows", n));
      check(*kernel, expected, {.live = n, .exact = n}, n);
    }
    // With rows that need not be exact, and with dead ones.
    for (const auto& [exact, live, n] : std::vector<std::array<int64_t, 3>>{
             {1, 1, 2}, {3, 3, 8}, {3, 40, 40}, {8, 62, 64}, {1, 25, 64}, {0, 7, 64}}) {
      SCOPED_TRACE(fmt::format("{} exact, {} live of {} rows", exact, live, n));
      check(*kernel, expected, {.live = live, .exact = exact}, n);
    }
  }
}

// A single vector has no axis for rows.
bool has_rows(const OpCase& op_case) {
  std::vector<TensorType> types;
  for (const CaseOperand& operand : op_case.operands) types.push_back(operand.type);
  const OpSite site{types.data(), static_cast<int>(types.size()), nullptr, 0, op_case.attrs.raw.data()};
  return op_case.op->infer(site).take()[0].shape.rank > 1;
}

std::vector<OpCase> row_cases() {
  std::vector<OpCase> cases;
  for (const OpCase& op_case : all_cases())
    if (!op_case.bench && row_operands(op_case) && has_rows(op_case)) cases.push_back(op_case);
  return cases;
}

INSTANTIATE_TEST_SUITE_P(All, RowIdentity, testing::ValuesIn(row_cases()),
                         [](const testing::TestParamInfo<OpCase>& test) {
                           return fmt::format("{}__{}", test.param.op->name, test.param.name);
                         });

TEST(RowOps, EveryOpIsSorted) {
  for (const OpDef* op : all_ops())
    EXPECT_EQ((row_ops().count(op->name) != 0) + (other_ops().count(op->name) != 0) + is_binary(op->name) +
                  (op->view != nullptr),
              1)
        << op->name << " works row by row (tested here), or it does not";
}

}  // namespace
}  // namespace gannet
