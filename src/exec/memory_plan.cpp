#include "exec/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace gannet {

MemoryPlan plan_memory(const std::vector<BufferLife>& buffers) {
  MemoryPlan plan;
  plan.offsets.assign(buffers.size(), 0);
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });

  std::vector<size_t> placed;  // by rising offset
  for (size_t i : order) {
    const int64_t bytes = (buffers[i].bytes + 63) / 64 * 64;
    int64_t offset = 0;
    for (size_t j : placed) {
      const bool together =
          buffers[i].first_step <= buffers[j].last_step && buffers[j].first_step <= buffers[i].last_step;
      if (!together) continue;
      if (plan.offsets[j] >= offset + bytes) break;
      offset = std::max(offset, plan.offsets[j] + (buffers[j].bytes + 63) / 64 * 64);
    }
    plan.offsets[i] = offset;
    plan.arena_bytes = std::max(plan.arena_bytes, offset + bytes);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), i,
                                   [&](size_t a, size_t b) { return plan.offsets[a] < plan.offsets[b]; }),
                  i);
  }
  return plan;
}

}  // namespace gannet
