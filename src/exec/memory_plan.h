// Places buffers with known lifetimes into one arena.
#pragma once

#include <cstdint>
#include <vector>

namespace gannet {

struct BufferLife {
  int64_t bytes;
  int first_step;  // written
  int last_step;   // last read (>= first_step)
};

struct MemoryPlan {
  std::vector<int64_t> offsets;  // 64-byte aligned, one per buffer
  int64_t arena_bytes = 0;
};

// Largest first, each at the lowest offset where no buffer alive at the same time lies (greedy by size,
// Pisarchyk and Lee, "Efficient memory management for deep neural net inference", arXiv 2001.03288).
MemoryPlan plan_memory(const std::vector<BufferLife>& buffers);

}  // namespace gannet
