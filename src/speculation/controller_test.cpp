#include "speculation/controller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace gannet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kStep = 0.01;

ControllerOptions two_sources() {
  ControllerOptions options;
  options.sources = {{.name = "look-up", .looks_up = true, .most = 32}, {.name = "model", .most = 8}};
  return options;
}

// One sequence on a machine where a row more costs a tenth of a step and a drafted token of the model a
// twentieth.
struct Bench {
  Controller controller;
  std::vector<float> sure = std::vector<float>(32, 0.99f), unsure = std::vector<float>(32, 0.1f);
  std::vector<Offer> offers;
  int n_sure = 32;  // tokens of a model's draft of which it is sure
  int n_made = 0;

  explicit Bench(ControllerOptions options, CostTable costs = {})
      : controller(std::move(options), std::move(costs), {}) {
    controller.begin(0);
  }

  DraftPlan choose() {
    const SequenceOffers sequence{0, 10, offers};
    return controller.choose({&sequence, 1})[0];
  }
  // A round whose drafts are right for `right` tokens. Returns its plan.
  DraftPlan round(int right, bool ended = false, double seconds_factor = 1) {
    const DraftPlan plan = choose();
    std::vector<std::vector<float>> confidence(1);
    if (plan.source == 0) confidence[0].assign(static_cast<size_t>(plan.n), offers[0].confidence[0]);
    if (plan.source == 1) {
      while (static_cast<int>(confidence[0].size()) < plan.n) {
        confidence[0].push_back(static_cast<int>(confidence[0].size()) < n_sure ? 0.99f : 0.05f);
        if (!controller.another(0, confidence[0].back())) break;
      }
    }
    n_made = static_cast<int>(confidence[0].size());
    SequenceOutcome out;
    if (n_made > 0) {
      out.n_verified = controller.cut(confidence)[0];
      EXPECT_LE(out.n_verified, n_made);
      out.source = out.n_verified > 0 ? plan.source : -1;
      confidence[0].resize(static_cast<size_t>(out.n_verified));
      out.confidence = confidence[0];
    }
    out.n_right = std::min(right, out.n_verified);
    out.ended = ended;
    out.n_emitted = out.n_right + 1;
    RoundOutcome outcome;
    outcome.sequences = {&out, 1};
    outcome.n_rows = 1 + out.n_verified;
    outcome.target_seconds = kStep * (1 + 0.1 * out.n_verified) * seconds_factor;
    const double draft_seconds[] = {0, plan.source == 1 ? kStep * 0.05 * n_made : 0};
    const int draft_tokens[] = {plan.source == 0 ? n_made : 0, plan.source == 1 ? n_made : 0};
    outcome.draft_seconds = draft_seconds;
    outcome.draft_tokens = draft_tokens;
    controller.report(outcome);
    return plan;
  }
};

TEST(Controller, TimesPlainStepsBeforeItDrafts) {
  Bench bench(two_sources());
  bench.offers = {{1, 8, {}}};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bench.round(0).source, -1);
  int drafted = 0;
  for (int i = 0; i < 30; ++i) drafted += bench.round(8).source == 1 ? 1 : 0;
  EXPECT_GT(drafted, 20);
  EXPECT_EQ(bench.controller.why_off(), "");
  EXPECT_GT(bench.controller.seconds_saved(), 0);
}

TEST(Controller, TakesTheSourceThatGivesMore) {
  Bench bench(two_sources());
  bench.offers = {{0, 32, bench.sure}, {1, 8, {}}};
  DraftPlan plan;
  for (int i = 0; i < 60; ++i) plan = bench.round(32);
  EXPECT_EQ(plan.source, 0);
  EXPECT_GT(plan.n, 16);
  bench.offers = {{0, 32, bench.unsure}, {1, 8, {}}};
  int model = 0;
  for (int i = 0; i < 60; ++i) {
    plan = bench.round(8);
    model += plan.source == 1 ? 1 : 0;
  }
  EXPECT_GT(model, 50);
}

TEST(Controller, StopsWhenDraftsAreWrongAndSaysWhy) {
  Bench bench(two_sources());
  bench.offers = {{1, 8, {}}};
  for (int i = 0; i < 400; ++i) bench.round(0);
  int drafted = 0;
  for (int i = 0; i < 100; ++i) drafted += bench.round(0).source >= 0 ? 1 : 0;
  EXPECT_LT(drafted, 10);
  bench.offers.clear();
  for (int i = 0; i < 20; ++i) bench.round(0);
  EXPECT_EQ(bench.controller.why_off(), "no source has a draft");
  bench.offers = {{1, 8, {}}};
  for (int i = 0; i < 3; ++i) bench.round(0);
  EXPECT_LT(bench.controller.seconds_saved(), 0);
  EXPECT_GT(bench.controller.seconds_saved(), -8 * kStep);
  EXPECT_THAT(bench.controller.explain(), HasSubstr("model"));
}

TEST(Controller, LowConfidenceEndsADraft) {
  Bench bench(two_sources());
  bench.offers = {{1, 8, {}}};
  for (int i = 0; i < 200; ++i) {
    bench.n_sure = i % 2 == 0 ? 8 : 0;
    bench.round(bench.n_sure);
  }
  while (bench.choose().n < 3) bench.round(8);
  EXPECT_TRUE(bench.controller.another(0, 0.99f));
  ASSERT_GE(bench.choose().n, 3);
  EXPECT_FALSE(bench.controller.another(0, 0.05f));
  // What is likely is verified, what is unlikely is not, although it is made.
  EXPECT_THAT(bench.controller.cut(std::vector<std::vector<float>>{{0.99f, 0.99f}}), ElementsAre(2));
  EXPECT_THAT(bench.controller.cut(std::vector<std::vector<float>>{{0.05f, 0.05f}}), ElementsAre(0));
}

TEST(Controller, ShadowsCountBeforeAnythingIsVerified) {
  Bench bench(two_sources());
  for (int i = 0; i < 10; ++i) bench.round(0);
  for (int i = 0; i < 60; ++i) bench.controller.shadow(0, 0, 0, 0.99f, false);
  bench.offers = {{0, 32, bench.sure}};
  EXPECT_EQ(bench.choose().source, -1);
  for (int i = 0; i < 200; ++i) bench.controller.shadow(0, 0, 0, 0.99f, true);
  EXPECT_EQ(bench.choose().source, 0);
}

TEST(Controller, WhatAnEndLeftUntestedIsNotHeldAgainstIt) {
  AcceptanceTable table;
  Controller controller({.sources = {{.name = "a", .looks_up = true}}}, {}, {});
  controller.begin(0);
  const std::vector<float> confidence = {0.9f, 0.9f, 0.9f};
  SequenceOutcome out{
      .slot = 0, .source = 0, .n_verified = 3, .n_right = 1, .ended = true, .confidence = confidence};
  RoundOutcome outcome;
  outcome.sequences = {&out, 1};
  outcome.n_rows = 4;
  outcome.target_seconds = kStep;
  controller.report(outcome);
  const AcceptanceCounts& counts = controller.acceptance().sources()[0].counts;
  const auto c = static_cast<size_t>(AcceptanceTable::class_of(0.9f));
  EXPECT_EQ(counts.tested[0][c], 1);
  EXPECT_EQ(counts.right[0][c], 1);
  EXPECT_EQ(counts.tested[1][c], 0);
  out.ended = false;
  controller.report(outcome);
  EXPECT_EQ(counts.tested[1][c], 1);
  EXPECT_EQ(counts.right[1][c], 0);
  EXPECT_EQ(counts.tested[2][c], 0);
}

TEST(Controller, FixedDraftsWithoutAGuardAreNeverRefused) {
  ControllerOptions options = two_sources();
  options.choose = false;
  options.guard = false;
  Bench bench(options);
  bench.offers = {{0, 20, bench.unsure}, {1, 5, {}}};
  for (int i = 0; i < 50; ++i) {
    const DraftPlan plan = bench.round(0);
    EXPECT_EQ(plan.source, 0);
    EXPECT_EQ(plan.n, 20);
    EXPECT_EQ(bench.n_made, 20);
  }
  bench.offers = {{1, 5, {}}};
  EXPECT_EQ(bench.round(0).source, 1);
  EXPECT_EQ(bench.n_made, 5);
}

TEST(Controller, FixedDraftsAreRefusedWhenTheyLose) {
  ControllerOptions options = two_sources();
  options.choose = false;
  Bench bench(options);
  bench.offers = {{1, 5, {}}};
  int good = 0, bad = 0;
  for (int i = 0; i < 100; ++i) good += bench.round(5).source == 1 ? 1 : 0;
  EXPECT_GT(good, 90);
  for (int i = 0; i < 1000; ++i) bench.round(0);
  for (int i = 0; i < 200; ++i) bad += bench.round(0).source == 1 ? 1 : 0;
  EXPECT_LT(bad, 10);
  EXPECT_THAT(bench.controller.why_off(), HasSubstr("lost as much as they may"));
}

TEST(Controller, TheFirstOfAKindIsNotAMeasurement) {
  Controller controller({.sources = {{.name = "a"}}}, {}, {});
  controller.begin(0);
  const SequenceOutcome out{};
  RoundOutcome outcome;
  outcome.sequences = {&out, 1};
  outcome.n_rows = 1;
  outcome.target_seconds = 5;
  outcome.first_of_kind = true;
  controller.report(outcome);
  EXPECT_EQ(controller.costs().step_seconds(1, 0), 0);
  outcome.first_of_kind = false;
  outcome.n_rows = 9;  // a prompt is read beside it
  controller.report(outcome);
  EXPECT_EQ(controller.costs().step_seconds(1, 0), 0);
  outcome.n_rows = 1;
  controller.report(outcome);
  EXPECT_EQ(controller.costs().step_seconds(1, 0), 5);
}

TEST(Controller, ASourceThatCostsTimeAndWinsNothingRests) {
  Bench bench(two_sources());
  int wanted = 0;
  for (int i = 0; i < 1000; ++i) {
    const bool now = bench.controller.wanted(0);
    wanted += now ? 1 : 0;
    const SequenceOffers none{0, 10, {}};
    bench.controller.choose({&none, 1});
    const SequenceOutcome out{};
    const double draft_seconds[] = {now ? 0.05 * kStep : 0, 0};
    RoundOutcome outcome;
    outcome.sequences = {&out, 1};
    outcome.n_rows = 1;
    outcome.target_seconds = kStep;
    outcome.draft_seconds = draft_seconds;
    bench.controller.report(outcome);
    EXPECT_TRUE(bench.controller.wanted(1));
  }
  EXPECT_GT(wanted, 5);
  EXPECT_LT(0.05 * wanted, 0.005 * 1000);
}

TEST(Controller, ManySequencesShareRows) {
  ControllerOptions options;
  options.sources = {{.name = "a", .looks_up = true, .most = 32}};
  CostTable costs;
  for (int i = 0; i < 8; ++i)
    for (const int rows : CostTable::kRows) costs.measured_step(rows, 0, kStep * (1 + 0.12 * (rows - 1)));
  Controller controller(options, costs, {});
  const std::vector<float> sure(32, 0.99f), so_so(32, 0.6f);
  const Offer likely{0, 32, sure}, unlikely{0, 32, so_so};
  std::vector<SequenceOffers> sequences;
  for (int slot = 0; slot < 4; ++slot) {
    controller.begin(slot);
    for (int i = 0; i < 80; ++i)
      for (int place = 0; place < 8; ++place) controller.shadow(slot, 0, place, 0.99f, true);
    sequences.push_back({slot, 0, {slot == 0 ? &likely : &unlikely, 1}});
  }
  std::vector<SequenceOutcome> outcomes(4);
  RoundOutcome outcome;
  for (int slot = 0; slot < 4; ++slot) outcomes[static_cast<size_t>(slot)].slot = slot;
  outcome.sequences = outcomes;
  outcome.n_rows = 4;
  outcome.target_seconds = costs.step_seconds(4, 0);
  for (int i = 0; i < 600; ++i) {
    controller.choose({});
    controller.report(outcome);  // plain: time in which a loss becomes bearable
  }
  const std::vector<DraftPlan> plans = controller.choose(sequences);
  EXPECT_GT(plans[0].n, plans[1].n);
  int rows = 4;
  for (const DraftPlan& plan : plans) rows += plan.n;
  EXPECT_LE(rows, 64);
  EXPECT_GT(rows, 8);
}

RC_GTEST_PROP(ControllerProperty, PlansKeepToWhatIsOffered, ()) {
  ControllerOptions options;
  const int n_sources = *rc::gen::inRange(1, 5);
  for (int i = 0; i < n_sources; ++i)
    options.sources.push_back({std::to_string(i), *rc::gen::arbitrary<bool>(), *rc::gen::arbitrary<bool>(),
                               *rc::gen::inRange(1, 70)});
  options.choose = *rc::gen::weightedElement<bool>({{4, true}, {1, false}});
  options.guard = *rc::gen::arbitrary<bool>();
  options.most_rows = *rc::gen::inRange(1, 65);
  const int n_slots = *rc::gen::inRange(1, 6);
  Controller controller(options, {}, {});
  for (int slot = 0; slot < n_slots; ++slot) controller.begin(slot);
  const int n_rounds = *rc::gen::inRange(1, 40);
  for (int round = 0; round < n_rounds; ++round) {
    std::vector<std::vector<Offer>> offers(static_cast<size_t>(n_slots));
    std::vector<std::vector<std::vector<float>>> said(static_cast<size_t>(n_slots));
    std::vector<SequenceOffers> sequences;
    for (size_t s = 0; s < offers.size(); ++s) {
      said[s].resize(static_cast<size_t>(n_sources));
      for (int k = 0; k < n_sources; ++k) {
        const int n = *rc::gen::inRange(0, 70);
        if (options.sources[static_cast<size_t>(k)].looks_up)
          for (int i = 0; i < n; ++i)
            said[s][static_cast<size_t>(k)].push_back(static_cast<float>(*rc::gen::inRange(0, 101)) / 100);
        offers[s].push_back({k, n, said[s][static_cast<size_t>(k)]});
      }
      sequences.push_back({static_cast<int>(s), *rc::gen::inRange(0, 20000), offers[s]});
    }
    const std::vector<DraftPlan> plans = controller.choose(sequences);
    RC_ASSERT(plans.size() == sequences.size());
    std::vector<std::vector<float>> confidence(plans.size());
    std::vector<int> draft_tokens(static_cast<size_t>(n_sources));
    bool any = false;
    for (size_t s = 0; s < plans.size(); ++s) {
      if (plans[s].source < 0) continue;
      const auto k = static_cast<size_t>(plans[s].source);
      RC_ASSERT(plans[s].n >= 1);
      RC_ASSERT(plans[s].n <= offers[s][k].n);
      RC_ASSERT(plans[s].n <= options.sources[k].most);
      for (int i = 0; i < plans[s].n; ++i) {
        confidence[s].push_back(options.sources[k].looks_up ? said[s][k][static_cast<size_t>(i)] : 0.7f);
        if (!options.sources[k].looks_up && !controller.another(s, 0.7f)) break;
      }
      draft_tokens[k] += static_cast<int>(confidence[s].size());
      any = true;
    }
    std::vector<int> lengths(plans.size());
    if (any) lengths = controller.cut(confidence);
    RC_ASSERT(lengths.size() == plans.size());
    std::vector<SequenceOutcome> outcomes(plans.size());
    RoundOutcome outcome;
    outcome.n_rows = n_slots;
    for (size_t s = 0; s < plans.size(); ++s) {
      RC_ASSERT(lengths[s] >= 0);
      RC_ASSERT(lengths[s] <= static_cast<int>(confidence[s].size()));
      SequenceOutcome& o = outcomes[s];
      o.slot = static_cast<int>(s);
      o.source = lengths[s] > 0 ? plans[s].source : -1;
      o.n_verified = lengths[s];
      confidence[s].resize(static_cast<size_t>(lengths[s]));
      o.confidence = confidence[s];
      o.n_right = *rc::gen::inRange(0, lengths[s] + 1);
      o.n_emitted = o.n_right + 1;
      outcome.n_rows += lengths[s];
    }
    if (n_slots <= options.most_rows) RC_ASSERT(outcome.n_rows <= options.most_rows);
    const std::vector<double> draft_seconds(static_cast<size_t>(n_sources), 1e-4);
    outcome.sequences = outcomes;
    outcome.draft_seconds = draft_seconds;
    outcome.draft_tokens = draft_tokens;
    outcome.target_seconds = 1e-3 * *rc::gen::inRange(1, 20);
    outcome.first_of_kind = *rc::gen::inRange(0, 8) == 0;
    controller.report(outcome);
  }
}

}  // namespace
}  // namespace gannet
