// Faults that tests force on a Vulkan device, since no driver gives them on demand.
#pragma once

#include <atomic>
#include <cstdint>

namespace gannet {

// Counts go down; at 0 the fault is there. Negative: never.
struct VulkanFaults {
  std::atomic<int64_t> lost{-1};  // submissions until the device is lost
  std::atomic<int64_t> hung{-1};  // submissions until one is never done, which is waited for two seconds only
  std::atomic<int64_t> no_memory{-1};  // allocations until there is none; from then on, until it is set anew
  // Submissions are done at once, without the driver: what is left is what the host does.
  std::atomic<bool> nothing_runs{false};

  static bool once(std::atomic<int64_t>& count) { return count >= 0 && count-- == 0; }
  static bool from_there(std::atomic<int64_t>& count) { return count == 0 || (count > 0 && count-- == 0); }
};

}  // namespace gannet
