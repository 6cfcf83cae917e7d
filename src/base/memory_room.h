// How much memory a process may still take before the system, or the control group that it is in, has to kill
// somebody. Nothing is promised: others take memory too, so ask again before each larger piece.
#pragma once

#include <cstdint>
#include <string>

namespace gannet {

struct MemoryRoom {
  int64_t bytes = 0;   // that can still be taken; cached files count as free, they can be read again
  int64_t unused = 0;  // of these, bytes that hold nothing now: taking more makes the system forget files
  int64_t limit = 0;   // of all that is shared with others: the machine's memory, or the group's limit
  // What sets the room: "memory of the machine" or "control group PATH".
  std::string bound;
};

// The smallest room of: the machine (MemAvailable of /proc/meminfo) and the control groups around this
// process (version 1 and 2, every level up to the root that is visible here). Unknown parts do not bound it.
// `root` stands in front of /proc and /sys, for tests. Takes about 0.1 ms.
MemoryRoom memory_room(const std::string& root = "");

// Bytes of address space left under the process's own limit (ulimit -v); the largest int64_t without a limit.
int64_t address_room();

}  // namespace gannet
