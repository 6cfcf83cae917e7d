// Sampling from the likeliest of a row is sampling from the row, or the row is read.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "sample/logits_row_for_test.h"
#include "sample/sampler.h"

namespace gannet {
namespace {

constexpr float kInf = INFINITY;

std::vector<float> some_logits(size_t n, uint32_t seed, bool whole, int n_banned) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> logits(n);
  for (float& x : logits) x = whole ? std::round(normal(random)) : normal(random);  // many equal ones
  for (int i = 0; i < n_banned; ++i) logits[random() % n] = -kInf;
  return logits;
}

bool same_bits(double a, double b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

// Everything that there is to be seen of a choice.
void expect_same(const SamplingParams& p, RowForTest& row, uint64_t position,
                 std::span<const TokenId> history, std::span<const uint64_t> allowed) {
  auto expected = Sampler::create(p, static_cast<int32_t>(row.n_vocab)).take(), got = expected;
  SamplerState a = expected.fresh_state(), b = a;
  const std::span<const float> all = std::span(row.logits).first(row.n_vocab);
  const auto want = expected.sample(all, position, history, {allowed, &a});
  const auto have = got.sample(row.row(), position, history, {allowed, &b});
  RC_ASSERT(want.ok() == have.ok());
  if (!want.ok()) {
    RC_ASSERT(want.error().message() == have.error().message());
    return;
  }
  RC_ASSERT(*want == *have);
  const Distribution x = expected.last(), y = got.last();
  RC_ASSERT(x.temperature == y.temperature);
  RC_ASSERT(x.candidates.size() == y.candidates.size());
  for (size_t i = 0; i < x.candidates.size(); ++i) {
    RC_ASSERT(x.candidates[i].token == y.candidates[i].token);
    RC_ASSERT(x.candidates[i].logit == y.candidates[i].logit);
  }
  const std::vector<double> p_x = probabilities(x.candidates, x.temperature),
                            p_y = probabilities(y.candidates, y.temperature);
  for (size_t i = 0; i < p_x.size(); ++i) RC_ASSERT(same_bits(p_x[i], p_y[i]));
  expected.accept(*want, &a);
  got.accept(*have, &b);
  RC_ASSERT(same_bits(a.adaptive_sum, b.adaptive_sum) && same_bits(a.mirostat_mu, b.mirostat_mu));
}

SamplingParams any_params(size_t n) {
  SamplingParams p;
  const auto sometimes = [](auto value, auto off) {
    return *rc::gen::weightedElement<decltype(off)>({{4, off}, {1, value}});
  };
  p.temperature = *rc::gen::element(0.0f, 0.01f, 0.7f, 1.5f);
  p.top_k = *rc::gen::weightedElement<int>(
      {{1, 0}, {2, 1}, {2, 2}, {2, 20}, {2, 40}, {2, 63}, {2, 64}, {1, 65}, {1, 100}});
  p.top_p = *rc::gen::element(0.1f, 0.95f, 1.0f);
  p.min_p = *rc::gen::element(0.0f, 0.05f, 0.5f);
  p.typical_p = sometimes(0.7f, 1.0f);
  p.top_n_sigma = *rc::gen::weightedElement<float>({{20, -1.0f}, {1, 1.0f}});
  p.xtc_probability = sometimes(0.5f, 0.0f);
  p.dynatemp_range = sometimes(0.5f, 0.0f);
  p.adaptive_target = sometimes(0.3f, -1.0f);
  p.mirostat = *rc::gen::weightedElement<int>({{30, 0}, {1, 1}, {1, 2}});
  p.min_keep = sometimes(3, 0);
  p.repeat_penalty = *rc::gen::weightedElement<float>({{6, 1.0f}, {3, 1.3f}, {1, 0.8f}});
  p.presence_penalty = *rc::gen::weightedElement<float>({{6, 0.0f}, {3, 1.5f}, {1, -30.0f}});
  p.frequency_penalty = sometimes(0.4f, 0.0f);
  p.dry_multiplier = sometimes(0.8f, 0.0f);
  p.repeat_last_n = *rc::gen::element(-1, 0, 5, 64);
  for (int i = *rc::gen::weightedElement<int>({{4, 0}, {1, 1}, {1, 4}}); i > 0; --i)
    p.logit_bias.push_back(
        {*rc::gen::inRange<TokenId>(0, static_cast<TokenId>(n)),
         *rc::gen::weightedElement<float>({{2, -kInf}, {2, -100.0f}, {3, -0.5f}, {1, 30.0f}})});
  if (*rc::gen::inRange(0, 6) == 0)
    p.steps = *rc::gen::container<std::vector<SamplingStep>>(rc::gen::elementOf(default_steps()));
  p.seed = *rc::gen::arbitrary<uint64_t>();
  return p;
}

RC_GTEST_PROP(LogitsRow, ChoicesAreThoseOfTheWholeRow, ()) {
  const size_t n = *rc::gen::weightedElement<size_t>({{1, 3}, {1, 63}, {1, 64}, {2, 65}, {6, 400}});
  RowForTest row(some_logits(n, *rc::gen::arbitrary<uint32_t>(), *rc::gen::arbitrary<bool>(),
                             *rc::gen::element(0, 0, 5, 500)),
                 64);
  const SamplingParams p = any_params(n);
  // What is likely is repeated.
  std::vector<TokenId> history;
  for (size_t i = *rc::gen::element<size_t>(0, 10, 100); i > 0; --i)
    history.push_back(*rc::gen::arbitrary<bool>() && !row.top.empty()
                          ? row.top[*rc::gen::inRange<size_t>(0, row.top.size())].token
                          : *rc::gen::inRange<TokenId>(0, static_cast<TokenId>(n)));
  std::vector<uint64_t> allowed;
  if (*rc::gen::inRange(0, 3) == 0)
    allowed = *rc::gen::container<std::vector<uint64_t>>(
        (n + 63) / 64, rc::gen::element<uint64_t>(0, 2, 0xFFFF0F01F000, ~0ull));
  expect_same(p, row, *rc::gen::inRange<uint64_t>(0, 1000), history, allowed);
  RC_TAG(row.n_read > 0 ? "read" : "not read");
}

// Faults are told as they are of whole rows, and tokens that nobody has are not chosen.
RC_GTEST_PROP(LogitsRow, FaultsAndPaddingAreForTheWholeRow, ()) {
  const size_t n = 300;
  std::vector<float> logits = some_logits(n, *rc::gen::arbitrary<uint32_t>(), false, 0);
  const size_t n_vocab = *rc::gen::elementOf(std::vector<size_t>{n, 290});
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i)
    logits[*rc::gen::inRange<size_t>(0, n)] = *rc::gen::element<float>(NAN, kInf, -kInf, 100);
  RowForTest row(std::move(logits), 64);
  row.n_vocab = n_vocab;
  expect_same(any_params(n_vocab), row, 7, {}, {});
}

struct Fewer {
  const char* what;
  bool reads;
  void (*change)(SamplingParams&);
};

// Which parameters need all of a row, and that the others do not.
TEST(LogitsRow, IsReadOnlyWhereItMustBe) {
  const Fewer all[] = {
      {"the defaults", false, [](SamplingParams&) {}},
      {"greedy", false, [](SamplingParams& p) { p.temperature = 0; }},
      {"greedy without top-k", false, [](SamplingParams& p) { p.temperature = 0, p.top_k = 0; }},
      {"top-k as many as are known", false, [](SamplingParams& p) { p.top_k = 64; }},
      {"top-k one more", true, [](SamplingParams& p) { p.top_k = 65; }},
      {"no top-k", true, [](SamplingParams& p) { p.top_k = 0; }},
      {"typical-p behind top-k", false, [](SamplingParams& p) { p.typical_p = 0.5f; }},
      {"xtc", false, [](SamplingParams& p) { p.xtc_probability = 1; }},
      {"dynamic temperature", false, [](SamplingParams& p) { p.dynatemp_range = 0.5f; }},
      {"adaptive-p", false, [](SamplingParams& p) { p.adaptive_target = 0.5f; }},
      {"top-n-sigma, which comes before top-k", true, [](SamplingParams& p) { p.top_n_sigma = 1; }},
      {"top-p before top-k", true,
       [](SamplingParams& p) { p.steps = steps_from_names("top_p;top_k").take(); }},
      {"mirostat 1", true, [](SamplingParams& p) { p.mirostat = 1; }},
      {"mirostat 2", true, [](SamplingParams& p) { p.mirostat = 2; }},
      {"penalties", false, [](SamplingParams& p) { p.repeat_penalty = 1.1f, p.presence_penalty = 1; }},
      {"penalties that favour", true, [](SamplingParams& p) { p.repeat_penalty = 0.9f; }},
      {"presence that favours", true, [](SamplingParams& p) { p.presence_penalty = -1; }},
      {"frequency that favours", true, [](SamplingParams& p) { p.frequency_penalty = -1; }},
      {"penalties so heavy that too few are left", true,
       [](SamplingParams& p) { p.top_k = 50, p.presence_penalty = 100; }},
      {"penalties behind top-k", false,
       [](SamplingParams& p) {
         p.steps = steps_from_names("top_k;penalties").take(), p.presence_penalty = -1;
       }},
      {"dry", false, [](SamplingParams& p) { p.dry_multiplier = 1; }},
      {"a ban", false,
       [](SamplingParams& p) {
         p.logit_bias = {{5, -kInf}};
       }},
      {"a bias upwards", true,
       [](SamplingParams& p) {
         p.logit_bias = {{5, 1}};
       }},
  };
  for (const Fewer& f : all) {
    SCOPED_TRACE(f.what);
    SamplingParams p;
    f.change(p);
    RowForTest row(some_logits(1000, 3, false, 0), 64);
    std::vector<TokenId> history;
    for (size_t i = 0; i < 20; ++i) history.push_back(row.top[i].token);
    auto sampler = Sampler::create(p, 1000).take();
    ASSERT_TRUE(sampler.sample(row.row(), 3, history).ok());
    EXPECT_EQ(row.n_read > 0, f.reads);
    if (!f.reads) {
      EXPECT_TRUE(sampler.may_do_with(64));
    }
  }
}

TEST(LogitsRow, MasksLeaveEnoughOrNot) {
  RowForTest row(some_logits(1000, 4, false, 0), 64);
  SamplingParams p;
  p.temperature = 0;
  auto greedy = Sampler::create(p, 1000).take();
  std::vector<uint64_t> allowed(16);
  const auto allow = [&](TokenId id) { allowed[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64); };
  allow(row.top[63].token);
  EXPECT_EQ(greedy.sample(row.row(), 0, {}, {.allowed = allowed}).take(), row.top[63].token);
  EXPECT_EQ(row.n_read, 0);
  allowed.assign(16, ~uint64_t{0});
  for (const Candidate& c : row.top)
    allowed[static_cast<size_t>(c.token) / 64] &= ~(uint64_t{1} << (c.token % 64));
  EXPECT_TRUE(greedy.sample(row.row(), 0, {}, {.allowed = allowed}).ok());
  EXPECT_EQ(row.n_read, 1);
}

TEST(LogitsRow, TellsWhyItCannotBeRead) {
  const LogitsRow lost({}, [] { return Result<std::span<const float>>(Error(ErrorCode::kDevice, "gone")); });
  const auto token = Sampler::create({}, 10).take().sample(lost, 0, {});
  ASSERT_FALSE(token.ok());
  EXPECT_EQ(token.error().message(), "gone");
}

}  // namespace
}  // namespace gannet
