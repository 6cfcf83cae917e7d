#include "base/thread_team.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <fstream>

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

TEST(ThreadTeam, EveryRunClaimsFromTheBeginningAndNothingEmpty) {
  ThreadTeam team(3);
  for (const int n : {3, 1, 2, 3}) {
    std::atomic<int64_t> claimed{0};
    team.run(
        [&](Worker& worker) {
          int64_t begin, end;
          while (worker.claim(12, 4, begin, end)) {
            EXPECT_LT(begin, end);
            claimed.fetch_add(end - begin);
          }
        },
        n);
    EXPECT_EQ(claimed.load(), 12) << n;
  }
  Worker alone = Worker::alone();
  int64_t begin, end;
  EXPECT_TRUE(alone.claim(4, 4, begin, end));
  EXPECT_FALSE(alone.claim(4, 4, begin, end));
  alone.reset_claims();
  EXPECT_TRUE(alone.claim(4, 4, begin, end));
}

TEST(ThreadTeam, MoreMembersThanThereAreMeansAll) {
  ThreadTeam team(2);
  std::atomic<int> runs{0};
  team.run(
      [&](Worker& worker) {
        EXPECT_EQ(worker.count(), 2);
        runs.fetch_add(1);
      },
      9);
  EXPECT_EQ(runs.load(), 2);
}

// A run is over when every member has seen it, those too that have no part in it: a late one would take the
// work of the next run for that of this one, and do it twice.
TEST(ThreadTeam, RunsOfChangingSizeFollowAtOnce) {
  ThreadTeam team(3);
  std::array<std::atomic<int>, 3> times{};
  for (const bool waits : {false, true})
    for (int round = 0; round < 25; ++round)
      for (const int n : {1, 3, 2, 3}) {
        for (std::atomic<int>& t : times) t = 0;
        team.run(
            [&](Worker& worker) {
              if (waits) {
                worker.barrier();
                worker.reset_claims();
              }
              times[static_cast<size_t>(worker.index())].fetch_add(1);
            },
            n);
        for (int i = 0; i < 3; ++i)
          ASSERT_EQ(times[static_cast<size_t>(i)].load(), i < n ? 1 : 0)
              << "member " << i << " in a run of " << n << ", round " << round;
      }
}

// Who waits long does not keep a core busy: with more members than cores that core is needed.
TEST(ThreadTeam, LongWaitsSleep) {
  // Whether the thread sleeps, or comes to it within 20 seconds.
  const auto sleeps = [](pid_t thread) {
    for (int i = 0; i < 2000; ++i) {
      std::ifstream in("/proc/self/task/" + std::to_string(thread) + "/stat");
      std::string number, name, state;
      if (in >> number >> name >> state && state == "S") return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  };
  ThreadTeam team(2);
  std::atomic<pid_t> helper{0};
  bool at_barrier = false, at_end = false;
  const pid_t caller = gettid();
  team.run([&](Worker& worker) {
    if (worker.index() == 1) {
      helper = gettid();
    } else {
      while (helper == 0) std::this_thread::yield();
      at_barrier = sleeps(helper);
    }
    worker.barrier();
    if (worker.index() == 1) at_end = sleeps(caller);
  });
  EXPECT_TRUE(at_barrier);
  EXPECT_TRUE(at_end);
}

#if !defined(__SANITIZE_THREAD__)  // it takes all addresses
// Threads with 1 GiB of stack each in an address space with room for two of them.
TEST(ThreadTeam, FewerThreadsThanAskedForAreATeamOrAnError) {
  const auto with_little_room = [](auto&& work) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, size_t{1} << 30);
    pthread_setattr_default_np(&attributes);
    std::ifstream in("/proc/self/statm");
    rlim_t pages = 0;
    in >> pages;
    const rlim_t bytes = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + (rlim_t{5} << 29);
    const rlimit limit = {bytes, bytes};
    setrlimit(RLIMIT_AS, &limit);
    work();
  };
  EXPECT_EXIT(with_little_room([] {
                ThreadTeam team(40);
                std::atomic<int> runs{0};
                team.run([&](Worker& worker) {
                  worker.barrier();
                  runs.fetch_add(1);
                });
                _exit(team.size() > 1 && team.size() < 40 && runs == team.size() ? 0 : 1);
              }),
              testing::ExitedWithCode(0), "");
  EXPECT_EXIT(with_little_room([] {
                const auto team = ThreadTeam::create(40);
                if (team.ok()) _exit(0);
                fputs(team.error().message().c_str(), stderr);
                _exit(static_cast<int>(team.error().code()));
              }),
              testing::ExitedWithCode(4), "of 40 threads; use fewer threads .-t.");
  EXPECT_EQ(ThreadTeam::create(2).take()->size(), 2);
}
#endif

TEST(ThreadTeam, NoMoreMembersThanProcessorsTheyAreBoundTo) {
  EXPECT_EQ(ThreadTeam::default_threads({}), ThreadTeam::physical_cores());
  EXPECT_EQ(ThreadTeam::default_threads({0}), 1);
}

TEST(ThreadTeam, CpuMask) {
  EXPECT_EQ(*ThreadTeam::parse_cpu_mask("0x1"), std::vector<int>{0});
  EXPECT_FALSE(ThreadTeam::parse_cpu_mask("0xg").ok());
  EXPECT_FALSE(ThreadTeam::parse_cpu_mask("0").ok());
  EXPECT_FALSE(ThreadTeam::parse_cpu_mask("0xffffffffffffffffffffffffffffffffffffffffffff").ok());
}

}  // namespace
}  // namespace gannet
