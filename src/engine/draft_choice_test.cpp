#include "engine/draft_choice.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <map>
#include <random>

#include "sample/logits_row_for_test.h"

namespace gannet {
namespace {

constexpr int32_t kVocab = 200;

std::vector<float> random_logits(size_t n, uint32_t seed, float width = 3) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, width);
  std::vector<float> logits(n);
  for (float& x : logits) x = normal(random);
  return logits;
}

SamplingParams some_params() {
  SamplingParams p;
  p.temperature = *rc::gen::element(0.0f, 0.3f, 1.0f, 1.7f);
  p.top_k = *rc::gen::element(0, 1, 5, 40);
  p.top_p = *rc::gen::element(1.0f, 0.9f, 0.3f);
  p.min_p = *rc::gen::element(0.0f, 0.05f, 0.4f);
  p.repeat_penalty = *rc::gen::element(1.0f, 1.3f);
  p.frequency_penalty = *rc::gen::element(0.0f, 0.7f);
  p.repeat_last_n = *rc::gen::element(-1, 3, 64);
  p.seed = *rc::gen::arbitrary<uint64_t>();
  if (*rc::gen::arbitrary<bool>()) p.logit_bias = {{3, 4.0f}, {7, -INFINITY}, {150, 2.0f}};
  return p;
}

// Given the target's own logits the drafter chooses what the target will, token by token.
RC_GTEST_PROP(DraftChooser, WithTheTargetsLogitsChoosesItsTokens, ()) {
  const SamplingParams params = some_params();
  const auto seed = *rc::gen::inRange<uint32_t>(0, 1000);
  const auto history = *rc::gen::container<std::vector<TokenId>>(10, rc::gen::inRange(0, kVocab));
  // All tokens, or these in another order, have logits.
  std::vector<TokenId> ids;
  std::vector<int32_t> place_of;
  const bool mapped = *rc::gen::arbitrary<bool>();
  if (mapped) {
    for (TokenId id = 0; id < kVocab; ++id) ids.push_back(id);
    std::shuffle(ids.begin(), ids.end(), std::mt19937(seed));
    ids.resize(static_cast<size_t>(*rc::gen::element(kVocab, 120)));
    place_of.assign(kVocab, -1);
    for (size_t i = 0; i < ids.size(); ++i) place_of[static_cast<size_t>(ids[i])] = static_cast<int32_t>(i);
  }
  Sampler target = Sampler::create(params, kVocab).take();
  DraftChooser chooser(kVocab);
  DraftRequest request;
  request.history = history;
  request.sampling = &params;
  request.position = 17;
  std::vector<TokenId> text = history;
  for (uint32_t i = 0; i < 4; ++i) {
    std::vector<float> logits = random_logits(kVocab, seed + i);
    if (mapped) {
      std::vector<float> few;
      for (const TokenId id : ids) few.push_back(logits[static_cast<size_t>(id)]);
      for (TokenId id = 0; id < kVocab; ++id)
        if (place_of[static_cast<size_t>(id)] < 0) logits[static_cast<size_t>(id)] = -INFINITY;
      RC_ASSERT(chooser.add(request, few, ids, place_of));
    } else {
      RC_ASSERT(chooser.add(request, logits));
    }
    RC_ASSERT(request.tokens.size() == i + 1u);
    const DraftToken& token = request.tokens.back();
    RC_ASSERT(token.token == *target.sample(logits, 17 + i, text));
    RC_ASSERT(token.candidates.empty());
    RC_ASSERT(token.confidence > 0 && token.confidence <= 1);
    text.push_back(token.token);
  }
}

// From the likeliest of a row come the very tokens, and what is said about them, as from the row.
RC_GTEST_PROP(DraftChooser, TheLikeliestDoWhereTheySay, ()) {
  SamplingParams params = some_params();
  if (*rc::gen::arbitrary<bool>()) {
    params.logit_bias.clear();
    params.repeat_last_n = 0;
  }
  std::vector<TokenId> ids;
  std::vector<int32_t> place_of;
  if (*rc::gen::arbitrary<bool>()) {
    for (TokenId id = 0; id < kVocab; ++id) ids.push_back((id * 7 + 3) % kVocab);
    place_of.resize(kVocab);
    for (size_t i = 0; i < ids.size(); ++i) place_of[static_cast<size_t>(ids[i])] = static_cast<int32_t>(i);
  }
  const auto n_top = *rc::gen::element<size_t>(31, 32, 39, 40, 64);
  const std::vector<TokenId> history = {1, 2, 3};
  DraftChooser chooser(kVocab);
  DraftRequest whole;
  whole.history = history;
  whole.sampling = &params;
  if (*rc::gen::arbitrary<bool>()) whole.choice = DraftChoice::kDrawn;
  DraftRequest few = whole;
  std::vector<float> logits = random_logits(kVocab, *rc::gen::arbitrary<uint32_t>());
  if (*rc::gen::inRange(0, 10) == 0)
    logits[*rc::gen::inRange<size_t>(0, kVocab)] = *rc::gen::element(NAN, INFINITY, -INFINITY);
  RowForTest row(logits, n_top);
  const bool chosen = ids.empty() ? chooser.add(whole, logits) : chooser.add(whole, logits, ids, place_of);
  RC_ASSERT((ids.empty() ? chooser.add(few, row.row()) : chooser.add(few, row.row(), ids, place_of)) ==
            chosen);
  RC_ASSERT(few.tokens.size() == whole.tokens.size());
  if (!chosen) return;
  RC_ASSERT((row.n_read == 0) == chooser.may_do_with(n_top, params, kVocab));
  const DraftToken &a = whole.tokens[0], &b = few.tokens[0];
  RC_ASSERT(a.token == b.token);
  RC_ASSERT(a.confidence == b.confidence);
  RC_ASSERT(a.candidates.size() == b.candidates.size());
  for (size_t i = 0; i < a.candidates.size(); ++i)
    RC_ASSERT(a.candidates[i].token == b.candidates[i].token &&
              a.candidates[i].logit == b.candidates[i].logit);
  RC_TAG(row.n_read > 0 ? "read" : "not read");
}

// What is drawn has the probabilities that the candidates say, and nothing to do with the sampler's choice.
TEST(DraftChooser, Draws) {
  SamplingParams params;
  params.top_k = 6;
  params.top_p = 1;
  params.min_p = 0;
  params.temperature = 0.7f;
  params.seed = 99;
  const auto logits = random_logits(kVocab, 5, 1);
  DraftChooser chooser(kVocab);
  Sampler target = Sampler::create(params, kVocab).take();
  DraftRequest request;
  request.sampling = &params;
  request.choice = DraftChoice::kDrawn;
  std::map<TokenId, int> seen;
  int same = 0;
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) {
    request.tokens.clear();
    request.position = static_cast<uint64_t>(i);
    ASSERT_TRUE(chooser.add(request, logits));
    ++seen[request.tokens[0].token];
    same += request.tokens[0].token == *target.sample(logits, static_cast<uint64_t>(i), {});
  }
  double sum = 0, by_chance = 0, chi = 0;
  ASSERT_EQ(request.tokens[0].candidates.size(), 6u);
  for (const Candidate& c : request.tokens[0].candidates) {
    const double p = double{c.logit};
    sum += p;
    by_chance += p * p;
    const double expected = p * kDraws, diff = seen[c.token] - expected;
    chi += diff * diff / expected;
  }
  EXPECT_NEAR(sum, 1, 1e-6);
  EXPECT_LT(chi, 25);  // 5 degrees of freedom: one in 7000
  EXPECT_NEAR(same, by_chance * kDraws, 4 * std::sqrt(kDraws * by_chance * (1 - by_chance)));
}

TEST(DraftChooser, WhatIsCertainHasNoCandidates) {
  SamplingParams params;
  params.temperature = 0;
  DraftChooser chooser(kVocab);
  DraftRequest request;
  request.sampling = &params;
  request.choice = DraftChoice::kDrawn;
  ASSERT_TRUE(chooser.add(request, random_logits(kVocab, 1)));
  params.temperature = 1;
  params.top_k = 1;
  ASSERT_TRUE(chooser.add(request, random_logits(kVocab, 2)));
  for (const DraftToken& t : request.tokens) EXPECT_TRUE(t.candidates.empty());
}

// By the logits alone, whatever the request's steps make of them.
TEST(DraftChooser, Confidence) {
  std::vector<float> logits(kVocab, -5.0f);
  logits[10] = 2;
  logits[20] = 2 + std::log(3.0f);
  DraftChooser chooser(kVocab);
  SamplingParams params;
  params.temperature = 0;
  DraftRequest request;
  request.sampling = &params;
  ASSERT_TRUE(chooser.add(request, logits));
  EXPECT_EQ(request.tokens[0].token, 20);
  EXPECT_NEAR(request.tokens[0].confidence, 0.75f, 0.01f);
  params.logit_bias = {{10, 5.0f}};
  ASSERT_TRUE(chooser.add(request, logits));
  EXPECT_EQ(request.tokens[1].token, 10);
  EXPECT_NEAR(request.tokens[1].confidence, 0.25f, 0.01f);
  params.logit_bias = {{150, 90.0f}};  // not among the likeliest
  ASSERT_TRUE(chooser.add(request, logits));
  EXPECT_EQ(request.tokens[2].token, 150);
  EXPECT_GT(request.tokens[2].confidence, 0);
  EXPECT_LT(request.tokens[2].confidence, 1e-3f);
}

TEST(DraftChooser, NothingToChooseFrom) {
  DraftChooser chooser(kVocab);
  SamplingParams params;
  DraftRequest request;
  request.sampling = &params;
  auto logits = random_logits(kVocab, 1);
  logits[50] = NAN;
  EXPECT_FALSE(chooser.add(request, logits));
  EXPECT_FALSE(chooser.add(request, std::vector<float>(kVocab, -INFINITY)));
  for (TokenId id = 0; id < kVocab; ++id) params.logit_bias.push_back({id, -INFINITY});
  EXPECT_FALSE(chooser.add(request, random_logits(kVocab, 1)));
  EXPECT_TRUE(request.tokens.empty());
  // More logits than tokens are padding.
  params.logit_bias.clear();
  params.temperature = 0;
  auto padded = random_logits(kVocab + 56, 1);
  padded[kVocab + 3] = 1000;
  EXPECT_TRUE(chooser.add(request, padded));
  EXPECT_LT(request.tokens[0].token, kVocab);
}

}  // namespace
}  // namespace gannet
