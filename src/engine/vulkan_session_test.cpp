// The pocket model on a Vulkan device, beside the CPU.
#include <gtest/gtest.h>

#include <cmath>

#include "backend/cpu/isa.h"
#include "backend/vulkan/vulkan_for_test.h"
#include "engine/answers_for_test.h"
#include "engine/made_model_for_test.h"
#include "engine/model.h"
#include "engine/session.h"
#include "ops/catalogue.h"

namespace gannet {
namespace {

// With the host's view of the device's memory, and without.
struct VulkanSession : testing::TestWithParam<bool> {
  std::shared_ptr<const Model> model = Model::load("models/pocket.gguf", {}, nullptr).take();
  std::shared_ptr<VulkanDevice> device;

  void SetUp() override {
    auto opened = open_vulkan_for_test(shader_code, {.staged = GetParam()});
    if (!opened.ok()) GTEST_SKIP() << no_vulkan_for_test(opened.error());
    device = opened.take();
  }
  void TearDown() override {
    device = nullptr;
    expect_no_vulkan_messages();
  }

  std::unique_ptr<Session> session(std::shared_ptr<Device> on, DType cache = DType::kF32) {
    SessionOptions options;
    options.n_threads = 1;
    options.n_ctx = 512;
    options.k_type = options.v_type = cache;
    options.policy.isas = machine_isas();
    options.device = std::move(on);
    return Session::create(model, options).take();
  }
};

// A prompt in two pieces, then tokens one by one, each the most likely one of the CPU's.
TEST_P(VulkanSession, LogitsAreThoseOfTheCpu) {
  const auto here = session(nullptr), there = session(device);
  SequenceState a = here->new_sequence(), b = there->new_sequence();
  std::vector<int32_t> tokens;
  for (int i = 0; i < 40; ++i) tokens.push_back(7 * i % 200 + 1);
  double error = 0, energy = 0;
  int same = 0, n = 0;
  const auto step = [&](std::span<const int32_t> piece) {
    const ForwardRows expected = here->forward(a, piece, LogitRows::kLast).take();
    auto got = there->forward(b, piece, LogitRows::kLast);
    ASSERT_TRUE(got.ok()) << got.error().message();
    const int64_t n_vocab = expected.logits.shape.last();
    const float *x = expected.logits.f32(0), *y = got->logits.f32(0);
    int64_t best_x = 0, best_y = 0;
    for (int64_t i = 0; i < n_vocab; ++i) {
      error += (static_cast<double>(x[i]) - y[i]) * (static_cast<double>(x[i]) - y[i]);
      energy += static_cast<double>(x[i]) * x[i];
      if (x[i] > x[best_x]) best_x = i;
      if (y[i] > y[best_y]) best_y = i;
    }
    same += best_x == best_y ? 1 : 0;
    ++n;
    tokens.assign(1, static_cast<int32_t>(best_x));
  };
  const std::vector<int32_t> prompt = tokens;
  step(std::span(prompt).first(25));
  step(std::span(prompt).subspan(25));
  for (int i = 0; i < 20 && !HasFailure(); ++i) {
    const std::vector<int32_t> next = tokens;
    step(next);
  }
  // The CPU rounds activations to 8 bits in front of quantised weights, the device does not.
  RecordProperty("nmse", std::to_string(error / energy));
  EXPECT_LT(error / energy, 1e-3);
  EXPECT_EQ(same, n);
}

std::vector<float> row_of(const StepResult& result, size_t i) {
  const float* row = result.logits_row(i);
  return {row, row + result.logits.shape.last()};
}

// Rows do not depend on who shares the step, nor on tokens that were taken back.
TEST_P(VulkanSession, RowsAreExactInAnyCompany) {
  const auto s = session(device, DType::kF16);
  const std::vector<int32_t> a = {3, 14, 15, 92, 65, 35, 89, 79, 32}, b = {27, 18, 28, 18, 28, 45, 90};
  const auto step = [&](SequenceState& sequence, std::span<const int32_t> tokens) {
    StepPiece piece{&sequence, tokens, LogitRows::kAll, false, {}};
    return s->step(StatePart::kTrunk, {&piece, 1}).take();
  };
  // Alone, token by token.
  SequenceState alone_a = s->new_sequence(), alone_b = s->new_sequence();
  std::vector<std::vector<float>> expected_a, expected_b;
  for (const int32_t& token : a) {
    expected_a.push_back(row_of(step(alone_a, {&token, 1}), 0));
    alone_a.commit(StatePart::kTrunk, 1);
  }
  for (const int32_t& token : b) {
    expected_b.push_back(row_of(step(alone_b, {&token, 1}), 0));
    alone_b.commit(StatePart::kTrunk, 1);
  }
  // Together, in steps of several rows, of which some are wrong and given up.
  SequenceState x = s->new_sequence(), y = s->new_sequence();
  const std::vector<int32_t> wrong = {3, 14, 15, 7, 7, 7};
  StepPiece pieces[] = {{&x, wrong, LogitRows::kAll, false, {}},
                        {&y, std::span(b).first(4), LogitRows::kAll, false, {}}};
  StepResult together = s->step(StatePart::kTrunk, pieces).take();
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(row_of(together, i), expected_a[i]) << i;
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(row_of(together, 6 + i), expected_b[i]) << i;
  x.commit(StatePart::kTrunk, 3);
  y.commit(StatePart::kTrunk, 4);
  pieces[0] = {&y, std::span(b).subspan(4), LogitRows::kAll, false, {}};
  pieces[1] = {&x, std::span(a).subspan(3), LogitRows::kAll, false, {}};
  together = s->step(StatePart::kTrunk, pieces).take();
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(row_of(together, i), expected_b[4 + i]) << i;
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(row_of(together, 3 + i), expected_a[3 + i]) << i;
}

TEST_P(VulkanSession, TheLikeliestAreThoseOfTheRows) {
  const auto s = session(device);
  const std::vector<int32_t> a = {3, 14, 15, 92, 65}, b = {27, 18, 28};
  SequenceState x = s->new_sequence(), y = s->new_sequence();
  StepPiece pieces[] = {{.sequence = &x, .tokens = a, .logits = LogitRows::kAll, .hidden = {}, .top = true},
                        {.sequence = &y, .tokens = b, .logits = LogitRows::kAll, .hidden = {}}};
  const StepResult result = s->step(StatePart::kTrunk, pieces).take();
  const auto n_vocab = static_cast<int32_t>(result.logits.shape.last());
  const auto k = static_cast<size_t>(s->options().top_logits);
  for (size_t i = 0; i < a.size() + b.size(); ++i) {
    const LogitsRow row = s->logits(result, i, n_vocab);
    const std::span<const float> all = row.all().take();
    if (i >= a.size()) {
      EXPECT_EQ(all.data(), result.logits_row(i));
    }
    std::vector<Candidate> sorted;
    for (int32_t t = 0; t < n_vocab; ++t) sorted.push_back({all[static_cast<size_t>(t)], t});
    std::ranges::sort(sorted, likelier);
    ASSERT_NE(row.top(), nullptr);
    ASSERT_EQ(row.top()->first.size(), k);
    EXPECT_FALSE(row.top()->all);
    for (size_t j = 0; j < k; ++j) {
      EXPECT_EQ(row.top()->first[j].token, sorted[j].token) << i << " " << j;
      EXPECT_EQ(row.top()->first[j].logit, sorted[j].logit) << i << " " << j;
    }
  }
}

// Texts chosen from the likeliest that the device found, and from rows, with drafts and without.
TEST_P(VulkanSession, AnswersAreThoseOfWholeRows) {
  SamplingParams greedy, drawn, whole;
  greedy.temperature = 0;
  drawn.presence_penalty = 0.5f;
  whole.top_k = 0;
  AnswersWanted wanted;
  wanted.speculation = GetParam() ? drafts_by(SourceKind::kMtp) : no_drafts();
  wanted.params = {greedy, drawn, whole};
  wanted.n_predict = 5;
  wanted.n_prompt = 8;
  wanted.n_more = 0;
  std::vector<Answers> got;
  for (const int64_t n_top : {0, 128}) {
    SessionOptions options;
    options.device = device;
    options.top_logits = n_top;
    got.push_back(answers(*session_for_answers(options, wanted.speculation), wanted));
  }
  EXPECT_EQ(got[1], got[0]);
  if (GetParam()) {
    EXPECT_GT(got[0].drafts[1], 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Staged, VulkanSession, testing::Bool());

// Long enough for every turn that a ring, a cache and the buffers of a device take, with drafts that are
// taken back now and then. The pocket model would take minutes at this width.
TEST(VulkanLongSession, AThousandTokens) {
  auto opened = open_vulkan_for_test(shader_code);
  if (!opened.ok()) GTEST_SKIP() << no_vulkan_for_test(opened.error());
  const MadeModel made(Architecture::kQwen35, "Q8_0");
  constexpr size_t kTokens = 1000;
  SessionOptions options;
  options.n_ctx = 1024;
  options.policy.isas = machine_isas();
  options.device = opened.take();
  const auto s = Session::create(made.model, options).take();
  const auto step = [&](SequenceState& sequence, std::span<const int32_t> tokens) {
    StepPiece piece{&sequence, tokens, LogitRows::kAll, false, {}};
    return s->step(StatePart::kTrunk, {&piece, 1}).take();
  };
  std::vector<int32_t> tokens = {27, 18, 28};
  std::vector<float> last;
  SequenceState one = s->new_sequence();
  for (size_t at = 0; at < kTokens;) {
    // What is known, and in every eighth step guesses.
    std::vector<int32_t> rows(tokens.begin() + static_cast<std::ptrdiff_t>(at), tokens.end());
    const size_t known = rows.size();
    if (tokens.size() % 8 == 0) rows.resize(known + 3, 11);
    const StepResult result = step(one, rows);
    last = row_of(result, known - 1);
    one.commit(StatePart::kTrunk, static_cast<int64_t>(known));
    at = tokens.size();
    ASSERT_TRUE(std::ranges::all_of(last, [](float x) { return std::isfinite(x); })) << at;
    // Not the likeliest, which would soon repeat itself.
    std::vector<Candidate> row;
    for (size_t i = 0; i < last.size(); ++i) row.push_back({last[i], static_cast<int32_t>(i)});
    std::ranges::nth_element(row, row.begin() + static_cast<std::ptrdiff_t>(at % 5), likelier);
    if (at < kTokens) tokens.push_back(row[at % 5].token);
  }
  ASSERT_EQ(one.length(), static_cast<int64_t>(kTokens));
  SequenceState again = s->new_sequence();
  std::vector<float> expected;
  for (size_t at = 0; at < kTokens; at += 8) {
    expected = row_of(step(again, std::span(tokens).subspan(at, 8)), 7);
    again.commit(StatePart::kTrunk, 8);
  }
  EXPECT_EQ(last, expected);
  expect_no_vulkan_messages();
}

}  // namespace
}  // namespace gannet
