// Ops with state: what a row gives and what a sequence's states become must not depend on how tokens are
// grouped into steps, on who else is in them, or on tokens that were taken back. Everything is compared to
// the bit with one token per step, for every kernel that this machine can run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include <fmt/core.h>

#include "backend/cpu/isa.h"
#include "ops/attention/attention.h"
#include "ops/attention_mixer/attention_mixer.h"
#include "ops/case_operands.h"
#include "ops/case_step.h"
#include "ops/catalogue.h"
#include "ops/kv_append/kv_append.h"
#include "ops/recurrent_cases_for_test.h"

namespace gannet {

void PrintTo(const OpCase& op_case, std::ostream* out) {
  *out << op_case.op->name << "/" << op_case.name;
}

namespace {

constexpr int64_t kTokens = 200;
constexpr int64_t kPageTokens = 24;

OpCase attention_case(const char* name, int64_t heads, int64_t kv_heads, int64_t d, int64_t n_past,
                      DType k_type, DType v_type) {
  const Shape q(kTokens, heads, d), k(kTokens, kv_heads, d);
  return {&kOp_attention,
          name,
          {normal(q, 2), normal(k), normal(k), kv_cache(kv_heads, d, n_past, k_type, v_type), normal(q)},
          pack_attrs(AttentionAttrs{0.1f})};
}

OpCase attention_mixer_case(const char* name, int64_t n_past) {
  const Shape q(kTokens, 4, 64), k(kTokens, 2, 64);
  return {&kOp_attention_mixer,
          name,
          {normal(q, 2), normal(k), normal(k), absent(), parameter(Shape(64), 0.5, 1.5),
           parameter(Shape(64), 0.5, 1.5), positions(kTokens, n_past),
           kv_cache(2, 64, n_past, DType::kBF16, DType::kQ8_0)},
          pack_attrs(AttentionMixerAttrs{1e-6f, 0.125f, {32, 10000.0f, 1.0f, 0.0f, 1.0f, 0.0f, 0.0f}})};
}

OpCase kv_append_case() {
  const Shape shape(kTokens, 2, 32);
  return {&kOp_kv_append,
          "f32_f16",
          {kv_cache(2, 32, 20, DType::kF32, DType::kF16, kTokens), normal(shape), normal(shape)},
          {}};
}

std::vector<OpCase> recurrent_cases() {
  const RecurrentCases of{kTokens};
  return {of.conv("c40_k4", 40, 4),
          of.conv("c21_k7", 21, 7),
          of.delta("h1of2_s24_tiled", 1, 2, 24, HeadMap::kTiled),
          of.delta("h2of4_s16_grouped", 2, 4, 16, HeadMap::kGrouped),
          of.mixer("h1of2_s24", 1, 2, 24, 4, HeadMap::kTiled),  // three members: by rows
          of.mixer("h2of4_s16", 2, 4, 16, 4, HeadMap::kTiled),  // by value heads
          of.mixer("h3of6_s8_k2", 3, 6, 8, 2, HeadMap::kGrouped)};
}

// The context crosses borders of spans.
std::vector<OpCase> cases_with_state() {
  std::vector<OpCase> cases = recurrent_cases();
  cases.push_back(kv_append_case());
  cases.push_back(attention_case("h6of2_d40_past0_f32", 6, 2, 40, 0, DType::kF32, DType::kF32));
  cases.push_back(attention_case("h4of4_d64_past230_f16_q8", 4, 4, 64, 230, DType::kF16, DType::kQ8_0));
  cases.push_back(attention_case("h10of2_d32_past480_q8_f16", 10, 2, 32, 480, DType::kQ8_0, DType::kF16));
  cases.push_back(attention_case("h2of1_d8_past8150_bf16_f32", 2, 1, 8, 8150, DType::kBF16, DType::kF32));
  cases.push_back(attention_mixer_case("past250_bf16_q8", 250));
  return cases;
}

CaseData data_of(OpCase op_case, const std::string& suffix) {
  op_case.name += suffix;
  return make_case_data(op_case);
}

std::vector<const KernelInfo*> kernels_for(const CaseData& data, int64_t rows) {
  const std::vector<Isa> isas = machine_isas();
  std::vector<const KernelInfo*> kernels;
  for (const KernelInfo* kernel : all_kernels().kernels()) {
    const bool here =
        kernel->isa == Isa::kScalar || std::find(isas.begin(), isas.end(), kernel->isa) != isas.end();
    if (std::strcmp(kernel->op, data.op_case.op->name) == 0 && here &&
        refuses_rows(*kernel, data, rows) == nullptr)
      kernels.push_back(kernel);
  }
  return kernels;
}

bool is_reference(const KernelInfo& kernel) {
  return std::strcmp(kernel.name, "reference") == 0;
}

// One token per step, the base stored after each: results by token, bases after each.
struct Alone {
  std::vector<std::vector<std::vector<std::byte>>> results;  // [token][result]
  std::vector<std::vector<std::byte>> bases;                 // [tokens run]
  std::vector<std::vector<std::byte>> pages;                 // at the end

  Alone(const KernelInfo& kernel, CaseSequence sequence, int64_t n) {
    bases.push_back(sequence.base);
    for (int64_t t = 0; t < n; ++t) {
      CasePiece piece{&sequence, 1};
      piece.next_base_at = sequence.length + 1;
      for (const std::string& fault : run_case_step(kernel, {&piece, 1}, {})) ADD_FAILURE() << fault;
      results.push_back(piece.results);
      bases.push_back(sequence.base);
    }
    pages = sequence.pages;
  }

  // Rows of a piece that began at `token`, the first `n` of them.
  void expect_rows(const CasePiece& piece, int64_t token, int64_t n, const std::string& where) const {
    for (size_t i = 0; i < piece.results.size(); ++i) {
      const size_t row = results[0][i].size();
      for (int64_t t = 0; t < n; ++t)
        if (std::memcmp(piece.results[i].data() + static_cast<size_t>(t) * row,
                        results[static_cast<size_t>(token + t)][i].data(), row) != 0) {
          ADD_FAILURE() << where << ": result " << i << " of token " << token + t << " (row " << t
                        << " of its piece) differs";
          return;
        }
    }
  }
  void expect_base(const CaseSequence& sequence, const std::string& where) const {
    EXPECT_TRUE(sequence.base == bases[static_cast<size_t>(sequence.base_at - sequence.first_position())])
        << where << ": base differs at position " << sequence.base_at;
  }
};

class WithState : public testing::TestWithParam<OpCase> {};
class WithRecurrentState : public testing::TestWithParam<OpCase> {};

// 1 to 64 rows of a sequence in one step, then one more token on what they left behind.
TEST_P(WithState, RowsOfOneStepEqualSingleTokens) {
  const CaseData data = make_case_data(GetParam()), wrong = data_of(GetParam(), " wrong");
  for (const KernelInfo* kernel : kernels_for(data, 1)) {
    const CaseSequence fresh(data, wrong, 80, kPageTokens);
    const Alone alone(*kernel, fresh, 65);
    for (int64_t n = 1; n <= 64; n += is_reference(*kernel) ? 21 : 1)
      for (const bool leave_entries : {false, true}) {
        for (const KernelInfo* same : kernels_for(data, n)) {
          if (same->isa != kernel->isa || is_reference(*same) != is_reference(*kernel)) continue;
          const std::string where =
              fmt::format("{}, {} rows{}", same->name, n, leave_entries ? ", entries" : "");
          CaseSequence sequence = fresh;
          CasePiece piece{&sequence, n};
          if (!leave_entries) piece.next_base_at = sequence.length + n;
          for (const std::string& fault :
               run_case_step(*same, {&piece, 1}, {.padding = n % 3, .n_threads = 3}))
            ADD_FAILURE() << where << ": " << fault;
          alone.expect_rows(piece, 0, n, where);
          alone.expect_base(sequence, where);
          CasePiece next{&sequence, 1};
          next.next_base_at = sequence.length + 1;
          run_case_step(*kernel, {&next, 1}, {});
          alone.expect_rows(next, n, 1, where + ", the next token");
          alone.expect_base(sequence, where + ", the next token");
          if (n == 64) {
            EXPECT_TRUE(sequence.pages == alone.pages) << where;
          }
          if (HasFailure()) return;
        }
      }
  }
}

// Up to 16 sequences of any lengths in any order in one step, and a long piece of a prompt that need not be
// exact behind them.
TEST_P(WithState, ManySequencesInOneStepEqualEachAlone) {
  std::mt19937 random(7);
  const CaseData wrong = data_of(GetParam(), " wrong");
  std::vector<CaseData> data;
  for (int i = 0; i < 17; ++i) data.push_back(data_of(GetParam(), fmt::format(" {}", i)));
  // What is not a token's is the same for all sequences.
  for (CaseData& other : data)
    for (size_t i = 0; i < other.operands.size(); ++i)
      if (!other.op_case.operands[i].strided && other.operands[i].type.dtype == DType::kF32)
        other.operands[i] = data[0].operands[i];
  for (const KernelInfo* kernel : kernels_for(data[0], 1)) {
    std::vector<CaseSequence> sequences;
    std::vector<Alone> alone;
    for (const CaseData& d : data) {
      sequences.emplace_back(d, wrong, 32, kPageTokens);
      alone.emplace_back(*kernel, sequences.back(), 24);
    }
    for (int round = 0; round < 6; ++round) {
      std::vector<size_t> order(sequences.size() - 1);
      for (size_t i = 0; i < order.size(); ++i) order[i] = i;
      std::shuffle(order.begin(), order.end(), random);
      order.resize(round == 0 ? order.size() : 1 + random() % order.size());
      std::vector<CasePiece> pieces;
      int64_t exact = 0;
      for (const size_t i : order) {
        CaseSequence& sequence = sequences[i];
        const int64_t n = 1 + static_cast<int64_t>(random() % 4);
        CasePiece piece{&sequence, n};
        if (sequence.length + n - sequence.base_at > 8)
          piece.next_base_at = sequence.length + static_cast<int64_t>(random() % static_cast<size_t>(n + 1));
        pieces.push_back(piece);
        exact += n;
      }
      const bool prompt = round % 2 == 1;
      CaseSequence long_one = sequences.back();
      if (prompt) {
        pieces.push_back({&long_one, 65 + round});
        pieces.back().next_base_at = long_one.length + 60;
      }
      std::vector<int64_t> at;
      int64_t rows = 0;
      for (const CasePiece& piece : pieces) {
        at.push_back(piece.sequence->length - piece.sequence->first_position());
        rows += piece.n_rows;
      }
      std::vector<CaseSequence> moved;
      for (const KernelInfo* same : kernels_for(data[0], rows)) {
        if (same->isa != kernel->isa || is_reference(*same) != is_reference(*kernel)) continue;
        // Each kernel for this number of rows gets the same step.
        std::vector<CaseSequence> copies;
        std::vector<CasePiece> again = pieces;
        copies.reserve(pieces.size());
        for (CasePiece& piece : again) {
          copies.push_back(*piece.sequence);
          piece.sequence = &copies.back();
        }
        const CaseStepOptions options{
            .padding = round, .exact = prompt ? exact : -1, .n_threads = 1 + round % 3};
        for (const std::string& fault : run_case_step(*same, again, options)) ADD_FAILURE() << fault;
        for (size_t i = 0; i < order.size(); ++i) {
          const std::string where =
              fmt::format("{}, round {}, piece {} of {}", same->name, round, i, again.size());
          alone[order[i]].expect_rows(again[i], at[i], again[i].n_rows, where);
          alone[order[i]].expect_base(*again[i].sequence, where);
        }
        if (HasFailure()) return;
        moved = copies;
      }
      for (size_t i = 0; i < order.size() && !moved.empty(); ++i) sequences[order[i]] = moved[i];
    }
  }
}

// What a step finds when it goes on from the sequence: the base as if it was stored here, and a token.
void expect_state(const KernelInfo& kernel, const Alone& alone, CaseSequence sequence,
                  const std::string& where) {
  const int64_t token = sequence.length - sequence.first_position();
  CasePiece piece{&sequence, 1};
  if (sequence.length > sequence.base_at) piece.next_base_at = sequence.length;
  piece.elsewhere = piece.next_base_at >= 0;
  run_case_step(kernel, {&piece, 1}, {});
  alone.expect_base(sequence, where);
  alone.expect_rows(piece, token, 1, where);
}

// Every number of rows up to 8 and every number of them accepted, twice in a row, wherever a base may be
// stored.
TEST_P(WithRecurrentState, GoesBackToAnyToken) {
  const CaseData data = make_case_data(GetParam()), wrong = data_of(GetParam(), " wrong");
  for (const KernelInfo* kernel : kernels_for(data, 1)) {
    const CaseSequence fresh(data, wrong, 16, kPageTokens);
    const Alone alone(*kernel, fresh, 24);
    for (int64_t n = 1; n <= 8; ++n)
      for (int64_t right = 0; right <= n; ++right)
        for (int64_t base = -1; base <= right; ++base) {
          if (is_reference(*kernel) && (n + right + base) % 4 != 0) continue;
          const std::string where =
              fmt::format("{}, {} of {} rows, base after {}", kernel->name, right, n, base);
          CaseSequence sequence = fresh;
          CasePiece start{&sequence, 3};
          run_case_step(*kernel, {&start, 1}, {});
          for (int round = 0; round < 2; ++round) {
            const int64_t token = sequence.length;
            CasePiece piece{&sequence, n, right};
            if (base >= 0 && sequence.length + base > sequence.base_at)
              piece.next_base_at = sequence.length + base;
            piece.elsewhere = round == 1 && piece.next_base_at >= 0;
            if (piece.next_base_at < 0 && token + n - sequence.base_at > 16)
              break;  // more than the ring holds
            for (const std::string& fault : run_case_step(*kernel, {&piece, 1}, {.n_threads = 1 + round}))
              ADD_FAILURE() << where << ": " << fault;
            alone.expect_rows(piece, token, right, where);
            alone.expect_base(sequence, where);
            expect_state(*kernel, alone, sequence, where);
          }
          if (HasFailure()) return;
        }
  }
}

// More than 64 rounds at random, the ring goes round many times; with the base stored as late as possible, as
// early as possible, behind what is accepted, and at random.
TEST_P(WithRecurrentState, ManyRoundsOfTakingBack) {
  const CaseData data = make_case_data(GetParam()), wrong = data_of(GetParam(), " wrong");
  constexpr int64_t kRing = 16, kMostRows = 5;
  for (const KernelInfo* kernel : kernels_for(data, 1)) {
    const Alone alone(*kernel, CaseSequence(data, wrong, kRing, kPageTokens), kTokens);
    for (int policy = 0; policy < 4; ++policy) {
      if (is_reference(*kernel) && policy != 3) continue;
      std::mt19937 random(static_cast<uint32_t>(policy));
      const auto below = [&](int64_t n) { return static_cast<int64_t>(random() % static_cast<uint64_t>(n)); };
      CaseSequence sequence(data, wrong, kRing, kPageTokens);
      int rounds = 0;
      while (sequence.length + 9 < kTokens) {
        const int64_t n = 1 + below(kMostRows), right = below(n + 1), token = sequence.length;
        const bool must = token + n + kMostRows - sequence.base_at > kRing;  // or the next step may not fit
        int64_t next = -1;
        if (policy == 0 && must) next = token;
        if (policy == 1) next = token;
        if (policy == 2) next = token + right;
        if (policy == 3 && (must || below(3) == 0)) next = token + below(right + 1);
        const bool elsewhere = next >= 0 && next != sequence.base_at && below(2) == 0;
        CasePiece piece{&sequence, n, right, next == sequence.base_at ? -1 : next, elsewhere};
        const std::string where = fmt::format("{}, policy {}, round {}", kernel->name, policy, rounds);
        for (const std::string& fault : run_case_step(*kernel, {&piece, 1}, {.n_threads = 1 + rounds % 3}))
          ADD_FAILURE() << where << ": " << fault;
        alone.expect_rows(piece, token, right, where);
        alone.expect_base(sequence, where);
        if (rounds % 5 == 0) expect_state(*kernel, alone, sequence, where);
        ++rounds;
        if (HasFailure()) return;
      }
      EXPECT_GT(rounds, 64);
    }
  }
}

float* row_of(CaseData& data, size_t operand, int64_t token) {
  const Shape& shape = data.operand_types[operand].shape;
  return reinterpret_cast<float*>(data.operands[operand].bytes.data()) +
         token * shape.elements() / shape.dim[0];
}

// Infinite and NaN K and V of later tokens must not reach a row, not even times a weight of zero: neither in
// blocks by spans (exact) nor in tiles.
TEST(Attention, NothingComesFromLaterTokens) {
  const CaseData clean = make_case_data(attention_case("later", 6, 2, 40, 250, DType::kF32, DType::kF32));
  for (const KernelInfo* kernel : kernels_for(clean, 40))
    for (const int64_t exact : {40, 0})
      for (const int64_t from : {1, 7, 30, 39}) {
        CaseData data = make_case_data(clean.op_case);
        for (int64_t t = from; t < 40; ++t)
          for (int64_t i = 0; i < 80; ++i) {
            row_of(data, 1, t)[i] = i % 3 == 0 ? NAN : INFINITY;
            row_of(data, 2, t)[i] = i % 3 == 0 ? INFINITY : NAN;
          }
        CaseSequence good(clean, clean, 0, kPageTokens), bad(data, data, 0, kPageTokens);
        CasePiece expected{&good, 40}, got{&bad, 40};
        run_case_step(*kernel, {&expected, 1}, {.exact = exact});
        run_case_step(*kernel, {&got, 1}, {.exact = exact});
        const auto bytes = static_cast<size_t>(from * 6 * 40) * sizeof(float);
        EXPECT_EQ(std::memcmp(expected.results[0].data(), got.results[0].data(), bytes), 0)
            << kernel->name << ", exact " << exact << ", from token " << from;
        const auto* last = reinterpret_cast<const float*>(got.results[0].data() + bytes);
        EXPECT_FALSE(std::isfinite(last[0])) << kernel->name << ": the test does not reach the values";
      }
}

INSTANTIATE_TEST_SUITE_P(Ops, WithState, testing::ValuesIn(cases_with_state()),
                         [](const testing::TestParamInfo<OpCase>& test) {
                           return fmt::format("{}__{}", test.param.op->name, test.param.name);
                         });
INSTANTIATE_TEST_SUITE_P(Ops, WithRecurrentState, testing::ValuesIn(recurrent_cases()),
                         [](const testing::TestParamInfo<OpCase>& test) {
                           return fmt::format("{}__{}", test.param.op->name, test.param.name);
                         });

}  // namespace
}  // namespace gannet
