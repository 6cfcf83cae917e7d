#include "speculation/budget.h"

#include <gtest/gtest.h>

namespace gannet {
namespace {

TEST(Budget, BeginsWithTheSmallerOfSecondsAndSteps) {
  const LossBudget budget({.start_seconds = 0.02, .start_steps = 2});
  EXPECT_DOUBLE_EQ(budget.room(0.001), 0.002);
  EXPECT_DOUBLE_EQ(budget.room(0.1), 0.02);
}

TEST(Budget, FillsWithTimeAndIsEmptiedByLosses) {
  LossBudget budget({.allowance = 0.01, .start_seconds = 0.02, .start_steps = 2});
  for (int i = 0; i < 100; ++i) budget.round(0.001, 0, 0.001);
  EXPECT_NEAR(budget.room(0.001), 0.003, 1e-12);
  budget.round(0.001, 0.01, 0.001);
  EXPECT_LT(budget.room(0.001), -0.006);
}

TEST(Budget, OfWhatARequestWonAFewStepsAreTheNextOnesToLose) {
  LossBudget budget({.start_seconds = 0.02, .start_steps = 2});
  for (int i = 0; i < 50; ++i) budget.round(0.001, -0.001, 0.001);
  EXPECT_GT(budget.room(0.001), 0.04);
  budget.begin();
  EXPECT_DOUBLE_EQ(budget.room(0.001), 0.002 + 0.008);
  for (int request = 0; request < 20; ++request) {
    budget.round(0.001, 0.02, 0.001);
    budget.begin();
  }
  EXPECT_LT(budget.room(0.001), 0);
}

TEST(Budget, RequestsDoNotEachGetOne) {
  LossBudget budget({.allowance = 0, .start_seconds = 0.02, .start_steps = 2});
  budget.round(0.001, 0.0015, 0.001);
  budget.begin();
  EXPECT_NEAR(budget.room(0.001), 0.0005, 1e-12);
}

TEST(Budget, WhatWasWonPaysWhatIsLost) {
  LossBudget budget({.allowance = 0, .start_seconds = 0.02, .start_steps = 2});
  budget.round(0.001, -0.003, 0.001);
  budget.begin();
  budget.round(0.001, 0.010, 0.001);
  EXPECT_LT(budget.room(0.001), -0.007);  // this request has lost too much
  budget.begin();
  EXPECT_NEAR(budget.room(0.001), -0.005, 1e-12);
  budget.round(0.001, -0.100, 0.001);
  budget.begin();
  budget.round(0.001, 0.010, 0.001);
  budget.begin();
  EXPECT_NEAR(budget.room(0.001), 0.002 + 0.008, 1e-12);
}

TEST(Budget, WinningEndsSomewhere) {
  LossBudget budget({.most_seconds = 0.2, .most_steps = 64});
  for (int i = 0; i < 100000; ++i) budget.round(0.001, -0.001, 0.001);
  EXPECT_LT(budget.room(0.001), 0.203);
}

TEST(Budget, ForgivesWhatBefallsPlainStepsToo) {
  LossBudget budget({});
  for (int i = 0; i < 1000; ++i)
    budget.plain(i % 100 == 0 ? 0.004 : 0, 0.001);  // one in a hundred, five times as long
  double asked = 0, forgiven = 0;
  for (int i = 0; i < 10000; ++i) {
    const double beyond = i % 100 == 0 ? 0.004 : 0;
    asked += beyond;
    forgiven += budget.forgive(beyond, 0.001, 0.001);
  }
  EXPECT_GT(forgiven, 0.8 * asked);
}

TEST(Budget, DoesNotForgiveWhatOnlyDraftsDo) {
  LossBudget budget({});
  for (int i = 0; i < 1000; ++i) budget.plain(0, 0.001);
  double forgiven = 0;
  for (int i = 0; i < 10000; ++i) forgiven += budget.forgive(0.004, 0.005, 0.001);
  EXPECT_LE(forgiven, 0.0101);  // 10 ms, once
}

}  // namespace
}  // namespace gannet
