#include "exec/memory_plan.h"

#include <gtest/gtest.h>

#include <random>

namespace gannet {
namespace {

TEST(MemoryPlan, NothingAliveTogetherOverlaps) {
  std::mt19937 rng(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<BufferLife> buffers;
    for (int i = 0; i < 30; ++i) {
      const int first = static_cast<int>(rng() % 20);
      buffers.push_back({static_cast<int64_t>(rng() % 5000), first, first + static_cast<int>(rng() % 5)});
    }
    const MemoryPlan plan = plan_memory(buffers);
    for (size_t i = 0; i < buffers.size(); ++i) {
      EXPECT_EQ(plan.offsets[i] % 64, 0);
      EXPECT_LE(plan.offsets[i] + buffers[i].bytes, plan.arena_bytes);
      for (size_t j = 0; j < i; ++j) {
        const bool together =
            buffers[i].first_step <= buffers[j].last_step && buffers[j].first_step <= buffers[i].last_step;
        const bool overlap = plan.offsets[i] < plan.offsets[j] + buffers[j].bytes &&
                             plan.offsets[j] < plan.offsets[i] + buffers[i].bytes;
        EXPECT_FALSE(together && overlap);
      }
    }
  }
}

TEST(MemoryPlan, ChainsReuseMemory) {
  std::vector<BufferLife> chain;
  for (int i = 0; i < 50; ++i) chain.push_back({1024, i, i + 1});
  EXPECT_EQ(plan_memory(chain).arena_bytes, 2048);
}

}  // namespace
}  // namespace gannet
