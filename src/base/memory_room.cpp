#include "base/memory_room.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

#include <fmt/core.h>

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

struct Hierarchy {
  bool version2;
  std::string folder;  // where the process's group is
  std::string top;     // where the hierarchy is mounted
};

// /proc/self/mountinfo: "36 35 98:0 /root /mount/point options - type source super_options".
struct Mount {
  std::string root, point, type, options;
};
std::vector<Mount> mounts(const std::string& root) {
  std::vector<Mount> all;
  std::ifstream in(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string skip, source;
    Mount m;
    words >> skip >> skip >> skip >> m.root >> m.point;
    while (words >> skip && skip != "-") {
    }
    if (words >> m.type >> source >> m.options) all.push_back(m);
  }
  return all;
}

// Whether the comma-separated options name `option`.
bool has_option(const std::string& options, std::string_view option) {
  std::istringstream words(options);
  for (std::string word; std::getline(words, word, ',');)
    if (word == option) return true;
  return false;
}

std::vector<Hierarchy> hierarchies(const std::string& root) {
  std::vector<Hierarchy> found;
  const std::vector<Mount> all = mounts(root);
  std::ifstream in(root + "/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {  // "0::/path" or "4:memory,cpu:/path"
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    const bool version2 = controllers.empty();
    if (!version2 && !has_option(controllers, "memory")) continue;
    for (const Mount& m : all) {
      if (version2 ? m.type != "cgroup2" : m.type != "cgroup" || !has_option(m.options, "memory")) continue;
      // In a container the mount may show only the part below the group's own folder.
      if (m.root != "/") path = path.starts_with(m.root) ? path.substr(m.root.size()) : "";
      if (path == "/") path.clear();
      found.push_back({version2, root + m.point + path, root + m.point});
      break;
    }
  }
  return found;
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
  for (const Hierarchy& h : hierarchies(root)) {
    for (std::string folder = h.folder; folder.size() >= h.top.size();
         folder = folder.substr(0, folder.rfind('/'))) {
      MemoryRoom room = room_of_group(folder, h.version2);
      if (room.bytes >= least.bytes) continue;
      room.unused = std::min(room.unused, least.unused);
      room.bound = fmt::format("control group {}", folder.substr(root.size()));
      least = room;
    }
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
