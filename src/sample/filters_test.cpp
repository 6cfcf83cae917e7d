// The steps in every order against a plain reading of their sources, and small cases computed by hand.
#include "sample/filters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "sample/plain_sampler_for_test.h"
#include "sample/sampler.h"

namespace gannet {
namespace {

using testing::ElementsAre;
using Ids = std::vector<TokenId>;

std::vector<float> random_logits(size_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> logits(n);
  for (float& x : logits) x = normal(random);
  return logits;
}

Candidates of(const std::vector<double>& p) {
  Candidates all;
  for (const double x : p) all.push_back({static_cast<float>(std::log(x)), static_cast<TokenId>(all.size())});
  return all;
}

Ids ids(const Candidates& candidates) {
  Ids ids;
  for (const Candidate& c : candidates) ids.push_back(c.token);
  return ids;
}

SamplingParams random_params() {
  SamplingParams p;
  p.repeat_penalty = *rc::gen::element(1.0f, 1.3f);
  p.frequency_penalty = *rc::gen::element(0.0f, 0.2f);
  p.dry_multiplier = *rc::gen::element(0.0f, 0.8f);
  p.dry_allowed_length = *rc::gen::element(0, 1, 2, 4);
  p.dry_penalty_last_n = *rc::gen::element(0, 10, 64, -1);
  p.top_n_sigma = *rc::gen::element(-1.0f, 0.5f, 1.0f, 3.0f);
  p.top_k = *rc::gen::element(0, 1, 5, 40, 300);
  p.typical_p = *rc::gen::element(1.0f, 0.2f, 0.7f, 0.95f);
  p.top_p = *rc::gen::element(1.0f, 0.3f, 0.95f);
  p.min_p = *rc::gen::element(0.0f, 0.05f, 0.3f);
  p.xtc_probability = *rc::gen::element(0.0f, 0.5f, 1.0f);
  p.xtc_threshold = *rc::gen::element(0.01f, 0.1f, 0.5f, 0.6f);
  p.temperature = *rc::gen::element(0.3f, 1.0f, 1.7f);
  p.dynatemp_range = *rc::gen::element(0.0f, 0.5f, 3.0f);
  p.dynatemp_exponent = *rc::gen::element(1.0f, 2.0f);
  p.min_keep = *rc::gen::element(0, 1, 3, 1000);
  p.seed = *rc::gen::arbitrary<uint64_t>();
  return p;
}

// Any order of any steps, with and without a mask, gives the tokens and the probabilities of the plain
// reading.
RC_GTEST_PROP(Filters, EveryOrderEqualsThePlainRule, ()) {
  SamplingParams p = random_params();
  p.steps = *rc::gen::element(default_steps(),
                              *rc::gen::container<std::vector<SamplingStep>>(rc::gen::element(
                                  SamplingStep::kPenalties, SamplingStep::kDry, SamplingStep::kTopNSigma,
                                  SamplingStep::kTopK, SamplingStep::kTypicalP, SamplingStep::kTopP,
                                  SamplingStep::kMinP, SamplingStep::kXtc, SamplingStep::kTemperature)));
  if (*rc::gen::arbitrary<bool>()) p.logit_bias = {{0, -INFINITY}, {3, 5.0f}};
  const size_t n = *rc::gen::element<size_t>(5, 64, 1000);
  const auto logits = random_logits(n, *rc::gen::arbitrary<uint32_t>());
  const auto history = *rc::gen::container<Ids>(30, rc::gen::inRange(0, 5));
  const uint64_t position = *rc::gen::inRange(0, 1000);
  std::vector<bool> allowed;
  std::vector<uint64_t> mask;
  if (*rc::gen::arbitrary<bool>()) {
    allowed = *rc::gen::container<std::vector<bool>>(n, rc::gen::arbitrary<bool>());
    allowed[1] = true;
    mask.assign((n + 63) / 64, 0);
    for (size_t i = 0; i < n; ++i) mask[i / 64] |= uint64_t{allowed[i]} << (i % 64);
  }
  PlainSampler plain(p);
  plain.run(logits, position, history, allowed);
  auto sampler = Sampler::create(p, static_cast<int32_t>(n)).take();
  const auto got =
      sampler.distribution(logits, position, history, {.allowed = mask, .state = nullptr}).take();
  const std::vector<double> p_got = probabilities(got.candidates, got.temperature);
  const std::vector<double> p_plain = plain.softmax();
  // A dynamic temperature may be so near to 0 that all but the likeliest have no probability left; only the
  // plain reading, which divides at once, drops those.
  std::map<TokenId, double> expected, found;
  for (size_t i = 0; i < p_plain.size(); ++i)
    if (p_plain[i] > 0) expected[plain.all[i].token] = p_plain[i];
  for (size_t i = 0; i < p_got.size(); ++i)
    if (p_got[i] > 0) RC_ASSERT(found.emplace(got.candidates[i].token, p_got[i]).second);
  RC_ASSERT(found.size() == expected.size());
  for (const auto& [token, share] : expected) {
    RC_ASSERT(found.contains(token));
    RC_ASSERT(std::abs(found[token] - share) <= 1e-5 * std::max(share, 1e-3));
  }
}

TEST(Filters, TypicalByHand) {
  // Entropy 1.2799; distances of 0.5: 0.5867, 0.25: 0.1064, 0.125: 0.7996, 0.0625: 1.4927.
  Candidates all = of({0.5, 0.25, 0.125, 0.0625, 0.0625});
  keep_typical(0.2, 1, &all);
  EXPECT_THAT(ids(all), ElementsAre(1));
  all = of({0.5, 0.25, 0.125, 0.0625, 0.0625});
  keep_typical(0.7, 1, &all);
  EXPECT_THAT(ids(all), ElementsAre(1, 0));
  all = of({0.5, 0.25, 0.125, 0.0625, 0.0625});
  keep_typical(0.2, 3, &all);
  EXPECT_THAT(ids(all), ElementsAre(1, 0, 2));
}

TEST(Filters, TopNSigmaByHand) {
  // Mean 2, deviation sqrt(2): 4 - 1 * 1.414 = 2.586.
  const std::vector<float> logits = {0, 1, 2, 3, 4, -INFINITY};
  EXPECT_NEAR(sigma_threshold(logits, 1), 4 - std::sqrt(2.0), 1e-12);
  Candidates all = {{0, 0}, {1, 1}, {2, 2}, {3, 3}, {4, 4}};
  keep_top_n_sigma(1.5, &all);  // 1.879
  EXPECT_THAT(ids(all), ElementsAre(2, 3, 4));
  const std::vector<float> flat(7, 3.0f);
  EXPECT_EQ(sigma_threshold(flat, 1), 3) << "all stay";
}

TEST(Filters, XtcByHand) {
  Candidates all = of({0.125, 0.375, 0.25, 0.0625, 0.1875});
  drop_top_choices(0.15, 0, &all);  // 0.375, 0.25 and 0.1875 are top choices, the last of them stays
  EXPECT_THAT(ids(all), ElementsAre(0, 3, 4));
  all = of({0.125, 0.375, 0.25, 0.0625, 0.1875});
  drop_top_choices(0.15, 4, &all);
  EXPECT_EQ(all.size(), 5u) << "too few would be left";
  drop_top_choices(0.3, 0, &all);
  EXPECT_EQ(all.size(), 5u) << "only one top choice";
}

TEST(Filters, XtcStrikesAsOftenAsItShould) {
  SamplingParams p;
  p.xtc_probability = 0.3f;
  p.seed = 5;
  int n = 0;
  for (uint64_t position = 0; position < 20000; ++position) n += xtc_strikes(p, position) ? 1 : 0;
  EXPECT_NEAR(n, 6000, 4.5 * std::sqrt(20000 * 0.3 * 0.7));
  p.xtc_probability = 1;
  EXPECT_TRUE(xtc_strikes(p, 17));
}

TEST(Filters, DynamicTemperatureByHand) {
  SamplingParams p;
  p.temperature = 1;
  p.dynatemp_range = 0.5f;
  EXPECT_NEAR(temperature_for(p, of({0.25, 0.25, 0.25, 0.25})), 1.5, 1e-5) << "nothing known";
  const Candidates sure = {{0, 0}, {-100, 1}};
  EXPECT_NEAR(temperature_for(p, sure), 0.5, 1e-5);
  // Entropy of halves and quarters: 1.75 of 2 bits.
  EXPECT_NEAR(temperature_for(p, of({0.5, 0.25, 0.125, 0.125})), 0.5 + 1.75 / 2, 1e-5);
  p.dynatemp_exponent = 2;
  EXPECT_NEAR(temperature_for(p, of({0.5, 0.25, 0.125, 0.125})), 0.5 + std::pow(1.75 / 2, 2), 1e-5);
}

TEST(Filters, NamesAndLetters) {
  EXPECT_EQ(step_names(default_steps()),
            "penalties;dry;top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature;adaptive_p");
  EXPECT_EQ(step_letters(default_steps()), "edskypmxta");
  EXPECT_EQ(steps_from_letters("edskypmxta").take(), default_steps());
  EXPECT_EQ(steps_from_names(step_names(default_steps())).take(), default_steps());
  EXPECT_EQ(step_letters(steps_from_names("Temp;TOP-K;topp;nucleus;typ;typical_p;min_p;").take()), "tkppyym");
  EXPECT_TRUE(steps_from_names("").take().empty());
  EXPECT_EQ(steps_from_names("top_k;topq").error().message(),
            "\"topq\" is no sampling step; there are "
            "penalties;dry;top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature;adaptive_p");
  EXPECT_FALSE(steps_from_letters("kz").ok());
  EXPECT_FALSE(steps_from_letters(std::string(1000, 'k')).ok());
}

TEST(Filters, AStepThatIsNotListedDoesNothing) {
  const auto logits = random_logits(100, 3);
  SamplingParams p;
  p.top_k = 5;
  p.top_p = 0.1f;
  p.temperature = 0;
  p.steps = {SamplingStep::kTopK};
  auto sampler = Sampler::create(p, 100).take();
  const Distribution got = sampler.distribution(logits, 0, {}).take();
  EXPECT_EQ(got.candidates.size(), 5u);
  EXPECT_EQ(got.temperature, 1);
}

// The order decides: at temperature 2 the first two tokens have 0.62 of the probability, before it 0.8.
TEST(Filters, TheOrderOfTheUserIsKept) {
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.12f), std::log(0.08f)};
  SamplingParams p;
  p.top_k = 0;
  p.min_p = 0;
  p.top_p = 0.75f;
  p.temperature = 2;
  p.steps = steps_from_letters("pt").take();
  EXPECT_EQ(Sampler::create(p, 4).take().distribution(logits, 0, {}).take().candidates.size(), 2u);
  p.steps = steps_from_letters("tp").take();
  auto sampler = Sampler::create(p, 4).take();
  const Distribution got = sampler.distribution(logits, 0, {}).take();
  EXPECT_EQ(got.candidates.size(), 3u);
  EXPECT_EQ(got.temperature, 1);
}

TEST(Filters, ParametersOutOfRangeAreNamed) {
  const auto refused = [](auto set) {
    SamplingParams p;
    set(p);
    const auto checked = check_params(p, 10);
    return checked.ok() ? "" : checked.error().message();
  };
  EXPECT_EQ(refused([](auto& p) { p.dry_base = 0.5f; }), "dry-base is 0.5; it must be 1 or more");
  EXPECT_EQ(refused([](auto& p) { p.typical_p = NAN; }), "typical-p is nan; it must be from 0 to 1");
  EXPECT_EQ(refused([](auto& p) { p.adaptive_decay = 1; }), "adaptive-decay is 1; it must be from 0 to 0.99");
  EXPECT_EQ(refused([](auto& p) { p.adaptive_target = 1.5f; }),
            "adaptive-target is 1.5; it must be from 0 to 1, or negative (off)");
  EXPECT_EQ(refused([](auto& p) { p.mirostat = 3; }), "mirostat is 3; it must be 0 (off), 1 or 2");
  EXPECT_EQ(refused([](auto& p) { p.min_keep = -1; }), "min-keep is -1; it must be 0 or more");
  EXPECT_EQ(refused([](auto& p) { p.xtc_threshold = 2; }), "xtc-threshold is 2; it must be from 0 to 1");
}

}  // namespace
}  // namespace gannet
