#include "speculation/costs.h"

#include <gtest/gtest.h>

namespace gannet {
namespace {

void measure(CostTable& costs, int rows, double seconds, int times = 4, int64_t n_past = 0) {
  for (int i = 0; i < times; ++i) costs.measured_step(rows, n_past, seconds);
}

TEST(Costs, KnowsNothingBeforeAStep) {
  const CostTable costs;
  EXPECT_EQ(costs.step_seconds(1, 0), 0);
  EXPECT_FALSE(costs.step_known(1, 0));
  EXPECT_FALSE(costs.draft_known("a"));
  EXPECT_EQ(costs.draft_seconds("a", 3), 0);
}

TEST(Costs, LiesBetweenItsNeighbours) {
  CostTable costs;
  measure(costs, 1, 1.0);
  measure(costs, 8, 2.0);
  measure(costs, 12, 4.0);
  EXPECT_DOUBLE_EQ(costs.step_seconds(8, 0), 2.0);
  EXPECT_DOUBLE_EQ(costs.step_seconds(10, 0), 3.0);
  double before = 0;
  for (int rows = 1; rows <= 100; ++rows) {
    EXPECT_GE(costs.step_seconds(rows, 0), before) << rows;
    before = costs.step_seconds(rows, 0);
  }
  EXPECT_TRUE(costs.step_known(10, 0));
  EXPECT_FALSE(costs.step_known(5, 0));
}

TEST(Costs, NeverFallsWithMoreRows) {
  CostTable costs;
  measure(costs, 1, 1.0, 20);
  measure(costs, 2, 1.5, 1);
  measure(costs, 4, 1.3, 20);
  EXPECT_LE(costs.step_seconds(2, 0), costs.step_seconds(4, 0));
  EXPECT_NEAR(costs.step_seconds(4, 0), 1.3, 0.02);  // what was measured often moves least
}

TEST(Costs, RowsBetweenEntriesCountForBoth) {
  CostTable costs;
  measure(costs, 1, 1.0);
  measure(costs, 8, 3.0);
  measure(costs, 12, 5.0);
  measure(costs, 10, 8.0, 30);
  EXPECT_NEAR(costs.step_seconds(10, 0), 8.0, 0.8);
  EXPECT_GT(costs.step_seconds(12, 0), 5.0);
}

TEST(Costs, AGuessHasTheShapeOfTheMachine) {
  std::vector<double> ratios;
  for (int rows = 1; rows <= 64; ++rows) ratios.push_back(1 + 0.1 * (rows - 1));
  CostTable costs;
  costs.set_guess(ratios);
  measure(costs, 1, 2.0);
  EXPECT_NEAR(costs.step_seconds(11, 0), 4.0, 1e-9);
  measure(costs, 2, 2.4);  // rows cost twice what was guessed
  EXPECT_NEAR(costs.step_seconds(11, 0), 6.0, 1e-9);
}

TEST(Costs, OutliersAreLeftOutUntilTheyAreTheRule) {
  CostTable costs;
  measure(costs, 1, 1.0, 10);
  measure(costs, 4, 1.5, 10);
  measure(costs, 4, 6.0, 1);
  EXPECT_NEAR(costs.step_seconds(4, 0), 1.5, 1e-9);
  measure(costs, 4, 6.0, 2);
  EXPECT_NEAR(costs.step_seconds(4, 0), 6.0, 1e-9);
}

TEST(Costs, AFirstMeasurementThatWasAnOutlierIsReplaced) {
  CostTable costs;
  measure(costs, 1, 5.0, 1);
  measure(costs, 1, 1.0, 1);
  EXPECT_DOUBLE_EQ(costs.step_seconds(1, 0), 1.0);
}

TEST(Costs, DriftMovesWhatIsNotMeasured) {
  CostTable costs;
  measure(costs, 1, 1.0, 20);
  measure(costs, 8, 2.0, 20);
  measure(costs, 1, 1.5, 60);
  EXPECT_NEAR(costs.step_seconds(1, 0), 1.5, 0.01);
  EXPECT_NEAR(costs.step_seconds(8, 0), 3.0, 0.6);  // most of it: a part was taken for a change of its own
  EXPECT_GT(costs.step_seconds(8, 0), 2.5);
}

TEST(Costs, AMachineThatIsSuddenlySlowIsBelievedAfterAFewSteps) {
  CostTable costs;
  measure(costs, 1, 1.0, 20);
  measure(costs, 8, 2.0, 20);
  measure(costs, 1, 3.0, 3);
  EXPECT_NEAR(costs.step_seconds(1, 0), 3.0, 0.05);
  EXPECT_NEAR(costs.step_seconds(8, 0), 6.0, 0.1);
}

TEST(Costs, LengthsOfContextAreApart) {
  EXPECT_EQ(CostTable::context_of(0), 0);
  EXPECT_EQ(CostTable::context_of(4095), 0);
  EXPECT_EQ(CostTable::context_of(4096), 1);
  EXPECT_EQ(CostTable::context_of(8191), 1);
  EXPECT_EQ(CostTable::context_of(8192), 2);
  EXPECT_EQ(CostTable::context_of(int64_t{1} << 40), CostTable::kContexts - 1);
  CostTable costs;
  measure(costs, 1, 1.0);
  measure(costs, 4, 2.0);
  EXPECT_DOUBLE_EQ(costs.step_seconds(4, 100000), 2.0);  // the nearest there is
  EXPECT_FALSE(costs.step_known(4, 100000));
  measure(costs, 1, 3.0, 4, 100000);
  EXPECT_DOUBLE_EQ(costs.step_seconds(4, 100000), 6.0);  // of its shape
  EXPECT_DOUBLE_EQ(costs.step_seconds(4, 0), 2.0);
}

TEST(Costs, DraftsAreALine) {
  CostTable costs;
  costs.measured_draft("a", 3, 0.3);
  EXPECT_NEAR(costs.draft_seconds("a", 1), 0.1, 1e-9);  // nothing says that there is more to it
  EXPECT_TRUE(costs.draft_known("a"));
  EXPECT_FALSE(costs.draft_known("b"));
  for (int i = 0; i < 60; ++i) costs.measured_draft("b", 1 + i % 4, 0.2 + 0.1 * (1 + i % 4));
  EXPECT_NEAR(costs.draft_seconds("b", 1), 0.3, 0.01);
  EXPECT_NEAR(costs.draft_seconds("b", 8), 1.0, 0.05);
}

TEST(Costs, ComesBackFromWhatIsStored) {
  CostTable costs;
  measure(costs, 1, 1.0, 100);
  measure(costs, 1, 1.2, 3);
  measure(costs, 6, 2.0, 5);
  costs.measured_draft("a", 2, 0.3);
  CostTable other;
  other.restore(costs.data());
  for (int rows = 1; rows <= 64; ++rows)
    EXPECT_NEAR(other.step_seconds(rows, 0), costs.step_seconds(rows, 0), 1e-6) << rows;
  EXPECT_NEAR(other.draft_seconds("a", 3), costs.draft_seconds("a", 3), 1e-9);
  // Today the machine is slower: one step says so of all.
  const double before = other.step_seconds(6, 0);
  other.measured_step(1, 0, 1.5 * other.step_seconds(1, 0));
  EXPECT_NEAR(other.step_seconds(6, 0), 1.5 * before, 0.02 * before);
}

}  // namespace
}  // namespace gannet
