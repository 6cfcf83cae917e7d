#include "speculation/rates.h"

#include <gtest/gtest.h>

namespace gannet {
namespace {

CommonRates common_of(const AcceptanceTable& table, bool looks_up) {
  CommonRates common;
  common.update(table.sources().at(0).counts, looks_up);
  return common;
}

TEST(Acceptance, ClassesOfConfidence) {
  EXPECT_EQ(AcceptanceTable::class_of(0), 0);
  EXPECT_EQ(AcceptanceTable::class_of(0.2f), 1);
  EXPECT_EQ(AcceptanceTable::class_of(0.74f), 2);
  EXPECT_EQ(AcceptanceTable::class_of(1), AcceptanceTable::kClasses - 1);
}

TEST(Acceptance, OldDraftsFade) {
  AcceptanceTable table;
  const int a = table.source("a");
  for (int i = 0; i < 20000; ++i) table.tested(a, 0, 3, true);
  const float n = table.sources()[0].counts.tested[0][3];
  EXPECT_GT(n, 1000);
  EXPECT_LT(n, 2000);
  for (int i = 0; i < 1024; ++i) table.tested(a, 0, 3, false);
  const AcceptanceCounts& counts = table.sources()[0].counts;
  EXPECT_NEAR(counts.right[0][3] / counts.tested[0][3], 0.5, 0.02);  // the half-life
}

TEST(Rates, StartFromTheKindOfSource) {
  AcceptanceTable table;
  table.source("a");
  const CommonRates model = common_of(table, false), look_up = common_of(table, true);
  SequenceRates rates;
  rates.begin();
  EXPECT_NEAR(rates.rate(model, 0), 0.79, 0.01);
  EXPECT_NEAR(rates.rate(model, 7), 0.79, 0.01);
  SequenceRates looked_up;
  looked_up.begin();
  for (int c = 1; c < AcceptanceTable::kClasses; ++c) {  // confidence taken at its word
    EXPECT_GT(looked_up.rate(look_up, 0, c), AcceptanceTable::kBounds[static_cast<size_t>(c - 1)]);
    if (c + 1 < AcceptanceTable::kClasses) {
      EXPECT_LT(looked_up.rate(look_up, 0, c), AcceptanceTable::kBounds[static_cast<size_t>(c)]);
    }
  }
}

TEST(Rates, OneWrongTokenIsOneTest) {
  AcceptanceTable table;
  table.source("a");
  const CommonRates common = common_of(table, false);
  SequenceRates rates;
  rates.begin();
  const float before = rates.rate(common, 0, 3);
  rates.tested(common, 0, 3, false);
  EXPECT_NEAR(rates.rate(common, 0, 3), before * 4 / 5, 1e-3);  // a prior that is worth four tests
}

TEST(Rates, ConvergeToWhatIsSeen) {
  AcceptanceTable table;
  table.source("a");
  const CommonRates common = common_of(table, false);
  SequenceRates rates;
  rates.begin();
  for (int i = 0; i < 400; ++i) {
    rates.tested(common, 0, 5, i % 10 < 3);
    rates.seen(0, 5);
  }
  EXPECT_NEAR(rates.rate(common, 0, 5), 0.3, 0.05);
  EXPECT_NEAR(rates.rate(common, 0), 0.3, 0.05);
}

TEST(Rates, ClassesAndPlacesWithoutTestsFollowTheOthers) {
  AcceptanceTable table;
  table.source("a");
  const CommonRates common = common_of(table, false);
  SequenceRates rates;
  rates.begin();
  const float class_before = rates.rate(common, 0, 1), place_before = rates.rate(common, 4, 3);
  for (int i = 0; i < 30; ++i) rates.tested(common, 0, 3, false);
  EXPECT_LT(rates.rate(common, 0, 1), class_before / 2);
  EXPECT_LT(rates.rate(common, 4, 3), place_before / 2);
  EXPECT_LT(rates.rate(common, 0, 1), rates.rate(common, 0, 4));  // the order stays
}

TEST(Rates, SequencesStartFromAllOthers) {
  AcceptanceTable table;
  const int a = table.source("a");
  for (int i = 0; i < 200; ++i) table.tested(a, 0, 3, i % 10 == 0);
  const CommonRates common = common_of(table, false);
  SequenceRates rates;
  rates.begin();
  EXPECT_NEAR(rates.rate(common, 0, 3), 0.1, 0.03);
  EXPECT_LT(rates.rate(common, 3, 3), 0.3f);  // places that were never reached are like those before
}

TEST(Rates, AllRightOrAllWrongForEverStaysARate) {
  for (const bool right : {true, false}) {
    AcceptanceTable table;
    const int a = table.source("a");
    SequenceRates rates;
    rates.begin();
    CommonRates common = common_of(table, true);
    for (int i = 0; i < 5000; ++i) {
      for (int place = 0; place < 6; ++place) {
        table.tested(a, place, 5, right);
        rates.tested(common, place, 5, right);
        if (!right) break;
      }
      if (i % 32 == 0) {
        common = common_of(table, true);
        rates.update();
      }
    }
    for (int place = 0; place < 10; ++place)
      for (int c = 0; c < AcceptanceTable::kClasses; ++c) {
        const float rate = rates.rate(common, place, c);
        EXPECT_GT(rate, 0) << place << c;
        EXPECT_LT(rate, 1) << place << c;
      }
    EXPECT_EQ(rates.rate(common, 6, 5) > 0.9f, right);  // never reached
  }
}

}  // namespace
}  // namespace gannet
