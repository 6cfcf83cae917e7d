#include "base/thread_team.h"

#include <gtest/gtest.h>

#include <atomic>

namespace gannet {
namespace {

TEST(ThreadTeam, RunsEveryMemberOnceAndRepeats) {
  ThreadTeam team(3);
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> mask{0};
    team.run([&](Worker& worker) { mask.fetch_or(1 << worker.index()); });
    EXPECT_EQ(mask.load(), 7);
  }
}

TEST(ThreadTeam, BarrierSeparatesPhases) {
  ThreadTeam team(4);
  std::vector<int> first(4), second(4);
  for (int round = 1; round <= 50; ++round) {
    team.run([&](Worker& worker) {
      first[worker.index()] = round;
      worker.barrier();
      int sum = 0;
      for (int v : first) sum += v;
      second[worker.index()] = sum;
    });
    for (int v : second) EXPECT_EQ(v, 4 * round);
  }
}

TEST(ThreadTeam, ClaimsCoverTheRangeExactlyOnce) {
  ThreadTeam team(3);
  std::vector<std::atomic<int>> hits(1000);
  team.run([&](Worker& worker) {
    int64_t begin, end;
    while (worker.claim(1000, 7, begin, end))
      for (int64_t i = begin; i < end; ++i) hits[i].fetch_add(1);
    worker.reset_claims();
    while (worker.claim(1000, 13, begin, end))
      for (int64_t i = begin; i < end; ++i) hits[i].fetch_add(1);
  });
  for (auto& hit : hits) EXPECT_EQ(hit.load(), 2);
}

TEST(ThreadTeam, ActiveMembersMayBeFewerThanTheTeam) {
  ThreadTeam team(3);
  std::atomic<int> runs{0};
  team.run(
      [&](Worker& worker) {
        EXPECT_EQ(worker.count(), 2);
        worker.barrier();
        runs.fetch_add(1);
      },
      2);
  EXPECT_EQ(runs.load(), 2);
}

TEST(ThreadTeam, CpuMask) {
  EXPECT_EQ(*ThreadTeam::parse_cpu_mask("0x1"), std::vector<int>{0});
  EXPECT_FALSE(ThreadTeam::parse_cpu_mask("0xg").ok());
  EXPECT_FALSE(ThreadTeam::parse_cpu_mask("0").ok());
  EXPECT_FALSE(ThreadTeam::parse_cpu_mask("0xffffffffffffffffffffffffffffffffffffffffffff").ok());
}

}  // namespace
}  // namespace gannet
