// Ops with recurrent state on a Vulkan device, as sequences_test.cpp has them on the CPU: what an exact row
// gives and what a sequence's state becomes must not depend on how tokens are grouped into steps, on who else
// is in them, or on tokens that were taken back. Compared to the bit with one token per step. Rows that need
// not be exact must come close.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include <fmt/core.h>

#include "backend/vulkan/vulkan_for_test.h"
#include "ops/case_operands.h"
#include "ops/case_run.h"
#include "ops/case_step.h"
#include "ops/catalogue.h"
#include "ops/recurrent_cases_for_test.h"

namespace gannet {

void PrintTo(const OpCase& op_case, std::ostream* out);

namespace {

constexpr int64_t kTokens = 260, kRing = 24, kAlone = 72;
constexpr double kCloseNmse =
    1e-10;  // of rows in chunks: see gated_delta_rule/cases.cpp; states go through F32 twice

std::vector<OpCase> cases() {
  const RecurrentCases of{kTokens};
  return {of.conv("c40_k4", 40, 4),
          of.conv("c21_k7", 21, 7),
          of.delta("h1of2_s24_tiled", 1, 2, 24, HeadMap::kTiled),
          of.delta("h2of4_s128_grouped", 2, 4, 128, HeadMap::kGrouped),
          of.mixer("h1of2_s24", 1, 2, 24, 4, HeadMap::kTiled),
          of.mixer("h2of4_s128", 2, 4, 128, 4, HeadMap::kTiled),
          of.mixer("h3of6_s8_k8", 3, 6, 8, 8, HeadMap::kGrouped)};
}

double error_of(const std::vector<std::byte>& a, const std::vector<std::byte>& b) {
  return normalised_error(reinterpret_cast<const float*>(a.data()), reinterpret_cast<const float*>(b.data()),
                          std::ssize(a) / int64_t{sizeof(float)});
}

class VulkanSequences : public testing::TestWithParam<OpCase> {
 protected:
  void SetUp() override {
    const auto& opened = shared_vulkan_for_test(shader_code);
    if (!opened.ok()) GTEST_SKIP() << no_vulkan_for_test(opened.error());
    device_ = opened->get();
    for (int i = 0; i < 4; ++i) {
      OpCase op_case = GetParam();
      op_case.name += fmt::format(" {}", i);
      data_.push_back(make_case_data(op_case));
    }
    // What is not a token's is the same for all sequences.
    for (CaseData& other : data_)
      for (size_t i = 0; i < other.operands.size(); ++i)
        if (!other.op_case.operands[i].strided && other.operands[i].type.dtype == DType::kF32)
          other.operands[i] = data_[0].operands[i];
  }
  void TearDown() override { expect_no_vulkan_messages(); }

  // The kernel that a plan would choose for so many rows.
  void step(std::span<CasePiece> pieces, const std::string& where, int64_t exact = -1, int64_t padding = 0) {
    int64_t rows = padding;
    for (const CasePiece& piece : pieces) rows += piece.n_rows;
    for (const KernelInfo* kernel : recorded_kernels().kernels_of(*GetParam().op)) {
      if (refuses_rows(*kernel, data_[0], rows) != nullptr) continue;
      for (const std::string& fault :
           run_case_step(*kernel, pieces, {.padding = padding, .exact = exact, .device = device_}))
        ADD_FAILURE() << where << ": " << fault;
      return;
    }
    FAIL() << where << ": no kernel";
  }
  CaseSequence fresh(size_t i) const { return {data_[i], data_.back(), kRing, 1}; }

  // One token per step, the base stored after each.
  struct Alone {
    std::vector<std::vector<std::byte>> results;  // by token
    std::vector<std::vector<std::byte>> bases;    // by number of tokens

    std::vector<std::byte> rows(int64_t first, int64_t n) const {
      std::vector<std::byte> all;
      for (int64_t t = first; t < first + n; ++t)
        all.insert(all.end(), results[static_cast<size_t>(t)].begin(), results[static_cast<size_t>(t)].end());
      return all;
    }
    const std::vector<std::byte>& base(int64_t at) const { return bases[static_cast<size_t>(at)]; }
  };
  Alone alone(size_t i, int64_t n) {
    Alone a;
    CaseSequence sequence = fresh(i);
    a.bases.push_back(sequence.base);
    for (int64_t t = 0; t < n; ++t) {
      CasePiece piece{&sequence, 1};
      piece.next_base_at = t + 1;
      step({&piece, 1}, "alone");
      a.results.push_back(piece.results[0]);
      a.bases.push_back(sequence.base);
    }
    return a;
  }

  VulkanDevice* device_ = nullptr;
  std::vector<CaseData> data_;  // the last: wrong tokens
};

// Up to 64 rows in one step, with the base stored somewhere or nowhere, then a token on what they left.
TEST_P(VulkanSequences, RowsOfOneStepEqualSingleTokens) {
  const Alone expected = alone(0, 65);
  for (const int64_t n : {2, 7, 8, 9, 23, 33, 64})
    for (const int64_t base : {int64_t{-1}, n / 2, n - 5, n}) {
      if (n - std::max<int64_t>(base, 0) > kRing) continue;
      const std::string where = fmt::format("{} rows, base after {}", n, base);
      CaseSequence sequence = fresh(0);
      CasePiece piece{&sequence, n};
      if (base > 0) piece.next_base_at = base;
      piece.elsewhere = base > 0 && n % 2 == 1;
      step({&piece, 1}, where, -1, n % 3);
      ASSERT_EQ(piece.results.size(), 1u);
      EXPECT_TRUE(piece.results[0] == expected.rows(0, n)) << where;
      EXPECT_TRUE(sequence.base == expected.base(sequence.base_at)) << where;
      CasePiece next{&sequence, 1};
      next.next_base_at = n + 1;
      step({&next, 1}, where);
      EXPECT_TRUE(next.results[0] == expected.rows(n, 1)) << where << ", the next token";
      EXPECT_TRUE(sequence.base == expected.base(n + 1)) << where << ", the next token";
      if (HasFailure()) return;
    }
}

// Three sequences, some of whose tokens are taken back, with a prompt behind them in every third step.
TEST_P(VulkanSequences, RoundsOfManySequences) {
  std::mt19937 random(5);
  const auto below = [&](int64_t n) { return static_cast<int64_t>(random() % static_cast<uint64_t>(n)); };
  std::vector<CaseSequence> sequences;
  std::vector<Alone> expected;
  for (size_t i = 0; i < 3; ++i) {
    sequences.push_back(fresh(i));
    expected.push_back(alone(i, kAlone));
  }
  for (int round = 0; round < 24; ++round) {
    std::vector<CasePiece> pieces;
    std::vector<int64_t> from;
    int64_t exact = 0;
    const size_t first = random() % 3;
    for (size_t i = first; i < first + 1 + random() % 3; ++i) {
      CaseSequence& sequence = sequences[i % 3];
      const int64_t n = 1 + below(10), right = below(n + 1), at = sequence.length;
      if (at + n > kAlone) continue;
      const bool must = at + n + 10 - sequence.base_at > kRing;  // or the next step may not fit
      CasePiece piece{&sequence, n, right};
      if (must || below(3) == 0) piece.next_base_at = at + below(right + 1);
      if (piece.next_base_at == sequence.base_at) piece.next_base_at = -1;
      piece.elsewhere = piece.next_base_at >= 0 && below(2) == 0;
      pieces.push_back(piece);
      from.push_back(at);
      exact += n;
    }
    const size_t n_exact = pieces.size();
    // The prompt finds entries in the ring; `kept` of its rows are in its base, and the others leave entries,
    // which would take the place of those that are read.
    CaseSequence prompt = fresh(0);
    const int64_t before = 1 + below(5), n_prompt = 64 + below(100);
    const int64_t kept = n_prompt - (round % 2 == 0 ? 0 : 1 + below(kRing - 1));
    if (round % 3 == 2) {
      CasePiece start{&prompt, before};
      step({&start, 1}, "start");
      pieces.push_back({&prompt, n_prompt});
      pieces.back().next_base_at = before + kept;
      pieces.back().elsewhere = kept < n_prompt;
    }
    CaseSequence slow = prompt;
    if (pieces.empty()) continue;
    const std::string where = fmt::format("round {}", round);
    step(pieces, where, exact, round % 4);
    ASSERT_FALSE(HasFailure());
    for (size_t i = 0; i < n_exact; ++i) {
      const CaseSequence& sequence = *pieces[i].sequence;
      const Alone& single = expected[static_cast<size_t>(&sequence - sequences.data())];
      std::vector<std::byte> got = pieces[i].results[0];
      const auto wanted = single.rows(from[i], pieces[i].n_right);
      got.resize(wanted.size());
      EXPECT_TRUE(got == wanted) << where << ", piece " << i;
      EXPECT_TRUE(sequence.base == single.base(sequence.base_at)) << where << ", piece " << i;
    }
    if (pieces.size() == n_exact) continue;
    // The same prompt row by row, and a token behind both.
    CasePiece exactly{&slow, n_prompt};
    exactly.next_base_at = before + kept;
    exactly.elsewhere = kept < n_prompt;
    step({&exactly, 1}, where);
    std::vector<std::byte> exact_rows = exactly.results[0];
    const auto wanted = expected[0].rows(before, std::min(n_prompt, kAlone - before));
    exact_rows.resize(wanted.size());
    EXPECT_TRUE(exact_rows == wanted) << where << ", all rows of the prompt exact";
    EXPECT_LT(error_of(pieces.back().results[0], exactly.results[0]), kCloseNmse) << where;
    EXPECT_LT(error_of(prompt.base, slow.base), kCloseNmse) << where;
    CasePiece a{&prompt, 1}, b{&slow, 1};
    a.next_base_at = b.next_base_at = before + n_prompt + 1;
    step({&a, 1}, where);
    step({&b, 1}, where);
    EXPECT_LT(error_of(a.results[0], b.results[0]), kCloseNmse) << where << ", the next token";
    EXPECT_LT(error_of(prompt.base, slow.base), kCloseNmse) << where << ", the next token";
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, VulkanSequences, testing::ValuesIn(cases()),
                         [](const testing::TestParamInfo<OpCase>& test) {
                           return fmt::format("{}__{}", test.param.op->name, test.param.name);
                         });

}  // namespace
}  // namespace gannet
