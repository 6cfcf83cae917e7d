#include "base/control_groups.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>

namespace gannet {
namespace {

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

// Processors' worth of time that one group allows.
double quota_of_group(const ControlGroup& group) {
  double quota = 0, period = 0;
  if (group.version2) {
    std::ifstream in(group.folder + "/cpu.max");  // "max 100000" or "150000 100000", in microseconds
    in >> quota >> period;
  } else {
    std::ifstream(group.folder + "/cpu.cfs_quota_us") >> quota;  // -1: no limit
    std::ifstream(group.folder + "/cpu.cfs_period_us") >> period;
  }
  return quota > 0 && period > 0 ? quota / period : std::numeric_limits<double>::infinity();
}

}  // namespace

std::vector<ControlGroup> control_groups(std::string_view controller, const std::string& root) {
  std::vector<ControlGroup> found;
  const std::vector<Mount> all = mounts(root);
  std::ifstream in(root + "/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {  // "0::/path" or "4:memory,cpu:/path"
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    const bool version2 = controllers.empty();
    if (!version2 && !has_option(controllers, controller)) continue;
    for (const Mount& m : all) {
      if (version2 ? m.type != "cgroup2" : m.type != "cgroup" || !has_option(m.options, controller)) continue;
      // In a container the mount may show only the part below the group's own folder.
      if (m.root != "/") path = path.starts_with(m.root) ? path.substr(m.root.size()) : "";
      if (path == "/") path.clear();
      const std::string top = root + m.point;
      for (std::string folder = top + path; folder.size() >= top.size();
           folder = folder.substr(0, folder.rfind('/')))
        found.push_back({version2, folder});
      break;
    }
  }
  return found;
}

double cpu_quota(const std::string& root) {
  double least = std::numeric_limits<double>::infinity();
  for (const ControlGroup& group : control_groups("cpu", root))
    least = std::min(least, quota_of_group(group));
  return least;
}

}  // namespace gannet
