#include "cli/machine_facts.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string_view>
#include <tuple>

namespace gannet {
namespace {

namespace fs = std::filesystem;

std::string first_line(const fs::path& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

int64_t leading_number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// "32768K" or "1M" as the kernel writes cache sizes.
int64_t size_of_text(const std::string& text) {
  const int64_t number = leading_number(text);
  if (text.ends_with('K')) return number << 10;
  if (text.ends_with('M')) return number << 20;
  return number;
}

// The value of the first line "KEY : VALUE"; empty when there is none.
std::string value_of(const fs::path& path, std::string_view key) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    const size_t colon = line.find_first_not_of(" \t", key.size());
    if (colon == std::string::npos || line[colon] != ':') continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin, line.find_last_not_of(" \t") + 1 - begin);
  }
  return "";
}

// Whether `name` is `prefix` followed by a number ("cpu12", "node0").
bool numbered(const std::string& name, std::string_view prefix) {
  return name.size() > prefix.size() && name.starts_with(prefix) &&
         name.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
}

std::vector<fs::path> numbered_entries(const fs::path& folder, std::string_view prefix) {
  std::vector<fs::path> found;
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(folder, problem))
    if (numbered(entry.path().filename().string(), prefix)) found.push_back(entry.path());
  return found;
}

std::string processor_name(const std::string& root) {
  const std::string info = root + "/proc/cpuinfo";
  std::string name = value_of(info, "model name");
  if (name.empty()) name = value_of(info, "Model");  // ARM boards
  if (name.empty()) {
    name = first_line(root + "/sys/firmware/devicetree/base/model");
    std::erase(name, '\0');
  }
  return name.empty() ? "unknown processor" : name;
}

}  // namespace

int64_t MachineFacts::last_level_cache_bytes() const {
  int level = 0;
  int64_t bytes = 0;
  for (const CacheFacts& cache : caches) {
    if (cache.level > level) bytes = 0;
    level = std::max(level, cache.level);
    if (cache.level == level) bytes += cache.bytes * cache.count;
  }
  return bytes;
}

MachineFacts machine_facts(const std::string& root) {
  MachineFacts facts;
  facts.cpu_name = processor_name(root);
  const std::string memory = root + "/proc/meminfo";
  facts.memory_bytes = leading_number(value_of(memory, "MemTotal")) << 10;
  facts.available_bytes = leading_number(value_of(memory, "MemAvailable")) << 10;
  facts.n_nodes = static_cast<int>(numbered_entries(root + "/sys/devices/system/node", "node").size());

  // A cache is told from another by the processors that share it.
  std::map<std::tuple<int, std::string, int64_t>, std::set<std::string>> shared_by;
  for (const fs::path& cpu : numbered_entries(root + "/sys/devices/system/cpu", "cpu")) {
    if (first_line(cpu / "online") == "0") continue;
    ++facts.n_logical;
    for (const fs::path& cache : numbered_entries(cpu / "cache", "index")) {
      const int level = static_cast<int>(leading_number(first_line(cache / "level")));
      const int64_t bytes = size_of_text(first_line(cache / "size"));
      if (level > 0 && bytes > 0)
        shared_by[{level, first_line(cache / "type"), bytes}].insert(first_line(cache / "shared_cpu_list"));
    }
  }
  for (const auto& [key, groups] : shared_by) {
    const auto& [level, type, bytes] = key;
    facts.caches.push_back({level, type, bytes, static_cast<int>(groups.size())});
  }
  return facts;
}

}  // namespace gannet
