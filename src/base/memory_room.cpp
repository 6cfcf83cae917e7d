#include "base/memory_room.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string_view>

#include <fmt/core.h>

#include "base/control_groups.h"

namespace gannet {
namespace {

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

// The number behind `key` in lines "KEY NUMBER" or "KEY: NUMBER kB"; empty when there is none.
std::optional<int64_t> number_of(const std::string& path, std::string_view key) {
  std::ifstream in(path);
  std::string word;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    std::istringstream rest(line.substr(key.size()));
    int64_t number = 0;
    if (rest >> number) return rest >> word && word == "kB" ? number * 1024 : number;
  }
  return {};
}

// A file that holds one number; "max" and what no machine has are no limit.
int64_t number_in(const std::string& path) {
  std::ifstream in(path);
  int64_t number = 0;
  if (!(in >> number)) return kNoLimit;
  return number >= (int64_t{1} << 60) ? kNoLimit : number;
}

// The room that one group leaves; kNoLimit when it sets none.
MemoryRoom room_of_group(const std::string& folder, bool version2) {
  MemoryRoom room;
  const std::string limit = folder + (version2 ? "/memory.max" : "/memory.limit_in_bytes");
  room.limit = number_in(limit);
  if (version2) room.limit = std::min(room.limit, number_in(folder + "/memory.high"));
  room.bytes = kNoLimit;
  if (room.limit == kNoLimit) return room;
  const int64_t used = number_in(folder + (version2 ? "/memory.current" : "/memory.usage_in_bytes"));
  if (used == kNoLimit) return room;
  const std::string prefix = version2 ? "" : "total_", statistics = folder + "/memory.stat";
  const int64_t cached = number_of(statistics, prefix + "inactive_file ").value_or(0) +
                         number_of(statistics, prefix + "active_file ").value_or(0);
  room.unused = std::max<int64_t>(0, room.limit - used);
  room.bytes = std::max<int64_t>(0, room.limit - used + cached);
  return room;
}

}  // namespace

MemoryRoom memory_room(const std::string& root) {
  MemoryRoom least;
  const std::string meminfo = root + "/proc/meminfo";
  least.bytes = number_of(meminfo, "MemAvailable:").value_or(kNoLimit);
  least.unused = number_of(meminfo, "MemFree:").value_or(kNoLimit);
  least.limit = number_of(meminfo, "MemTotal:").value_or(kNoLimit);
  least.bound = "memory of the machine";
  for (const ControlGroup& group : control_groups("memory", root)) {
    MemoryRoom room = room_of_group(group.folder, group.version2);
    if (room.bytes >= least.bytes) continue;
    room.unused = std::min(room.unused, least.unused);
    room.bound = fmt::format("control group {}", group.folder.substr(root.size()));
    least = room;
  }
  return least;
}

int64_t address_room() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kNoLimit;
  std::ifstream in("/proc/self/statm");
  int64_t pages = 0;
  if (!(in >> pages)) return kNoLimit;
  return std::max<int64_t>(0, static_cast<int64_t>(limit.rlim_cur) - pages * sysconf(_SC_PAGESIZE));
}

}  // namespace gannet
