// What the system says about this machine's processor and memory (Linux: /proc and /sys). Nothing is measured
// here and nothing is needed to run a model: these are facts for people.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gannet {

struct CacheFacts {
  int level;
  std::string type;  // "Data", "Instruction", "Unified"
  int64_t bytes;     // of one
  int count;         // how many of them serve the logical processors of this machine
};

struct MachineFacts {
  std::string cpu_name;  // never empty: "unknown processor" when the system does not say
  int n_logical = 0;     // processors that are online; 0 when the system does not say
  int n_nodes = 0;       // memory nodes (NUMA); 0 when the system does not say
  int64_t memory_bytes = 0, available_bytes = 0;
  std::vector<CacheFacts> caches;  // by level, data before instruction

  int64_t last_level_cache_bytes() const;  // all caches of the highest level together
};

// `root` is put in front of /proc and /sys (for tests).
MachineFacts machine_facts(const std::string& root = "");

}  // namespace gannet
