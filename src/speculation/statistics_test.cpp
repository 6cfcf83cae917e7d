#include "speculation/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace gannet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

RoundOutcome outcome_of(std::span<const SequenceOutcome> sequences, std::span<const int> drafted,
                        std::span<const double> seconds) {
  RoundOutcome outcome;
  outcome.sequences = sequences;
  outcome.draft_tokens = drafted;
  outcome.draft_seconds = seconds;
  return outcome;
}

TEST(Statistics, CountsAllRoundsAndOnlyPlacesWhoseTurnCame) {
  SpeculationStatistics statistics({"a", "b"});
  const int drafted[] = {5, 4};
  const double seconds[] = {0.5, 0.25};
  const SequenceOutcome first[] = {
      {.slot = 0, .source = 0, .n_verified = 3, .n_right = 1, .n_emitted = 2},  // the third was not tested
      {.slot = 1, .source = 1, .n_verified = 2, .n_right = 2, .n_emitted = 3},
      {.slot = 2, .n_emitted = 1},
  };
  statistics.add(outcome_of(first, drafted, seconds));
  const SequenceOutcome second[] = {
      {.slot = 0, .source = 0, .n_verified = 2, .n_right = 0, .n_emitted = 1},
      {.slot = 1, .source = 0, .n_verified = 3, .n_right = 1, .ended = true, .n_emitted = 1},
  };
  statistics.add(outcome_of(second, drafted, seconds));

  EXPECT_EQ(statistics.rounds(), 5);
  EXPECT_EQ(statistics.tokens(), 8);
  const SourceStatistics& a = statistics.sources()[0];
  EXPECT_EQ(a.rounds, 3);
  EXPECT_EQ(a.drafted, 10);
  EXPECT_EQ(a.verified, 8);
  EXPECT_EQ(a.right, 2);
  EXPECT_DOUBLE_EQ(a.draft_seconds, 1);
  EXPECT_THAT(a.tested, ElementsAre(3, 1));
  EXPECT_THAT(a.survived, ElementsAre(2, 0));
  EXPECT_THAT(statistics.sources()[1].survived, ElementsAre(1, 1));

  EXPECT_EQ(
      statistics.line(0.25, ""),
      "verified 10 drafted tokens, right 4 (40 %), 1.60 tokens per step; a 2 of 8; b 2 of 2; 250 ms saved");
  EXPECT_THAT(statistics.line(-2, "because"), HasSubstr("2.0 s lost; off at the end: because"));
  EXPECT_THAT(statistics.text(), HasSubstr("right by place: 0.67 0.00"));
  const auto json = statistics.json(0.25, "why");
  EXPECT_EQ(json.at("drafted"), 18);
  EXPECT_EQ(json.at("verified"), 10);
  EXPECT_EQ(json.at("right"), 4);
  EXPECT_EQ(json.at("why_off"), "why");
  EXPECT_EQ(json.at("sources").at(0).at("tested_by_place"), nlohmann::json({3, 1}));
}

TEST(Statistics, SaysWhyNothingWasDrafted) {
  const SpeculationStatistics statistics({"a"});
  EXPECT_EQ(statistics.line(0, ""), "nothing drafted");
  EXPECT_EQ(statistics.line(0, "it does not pay"), "nothing drafted: it does not pay");
}

}  // namespace
}  // namespace gannet
