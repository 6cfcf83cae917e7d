#include "layer_check.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>

namespace gannet {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxSourceLines = 600;
constexpr size_t kMaxReadmeLines = 40;

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> split_words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

bool contains(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

bool is_source(const fs::path& path) {
  const std::string e = path.extension();
  return e == ".h" || e == ".hpp" || e == ".c" || e == ".cpp" || e == ".inc";
}

// All source files below `folder`, sorted, relative to `root`.
std::vector<fs::path> sources_below(const fs::path& root, const char* folder) {
  std::vector<fs::path> files;
  if (!fs::exists(root / folder)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
    if (entry.is_regular_file() && is_source(entry.path())) files.push_back(fs::relative(entry.path(), root));
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The text between the quotes of `#include "..."`, also with blanks around the words.
std::optional<std::string> quoted_include(const std::string& line) {
  size_t i = line.find_first_not_of(" \t");
  if (i == std::string::npos || line[i] != '#') return std::nullopt;
  i = line.find_first_not_of(" \t", i + 1);
  if (i == std::string::npos || line.compare(i, 7, "include") != 0) return std::nullopt;
  i = line.find_first_not_of(" \t", i + 7);
  if (i == std::string::npos || line[i] != '"') return std::nullopt;
  const size_t end = line.find('"', i + 1);
  if (end == std::string::npos) return std::nullopt;
  return line.substr(i + 1, end - i - 1);
}

// The folder row that owns a path relative to src/; the longest name wins. Null when no row does.
const LayerRow* folder_row(const LayerTable& table, const std::string& path) {
  const LayerRow* best = nullptr;
  for (const LayerRow& row : table.rows) {
    if (!row.is_folder() || path.rfind(row.folder + "/", 0) != 0) continue;
    if (!best || row.folder.size() > best->folder.size()) best = &row;
  }
  return best;
}

// For a path F/X/... below a folder F with a row `F/*/private` that is not F/X/X.h: "F/X/". Empty otherwise.
std::string private_part(const LayerTable& table, const std::string& path) {
  for (const LayerRow& row : table.rows) {
    if (!row.is_private || path.rfind(row.folder + "/", 0) != 0) continue;
    const size_t start = row.folder.size() + 1;
    const size_t slash = path.find('/', start);
    if (slash == std::string::npos) continue;
    const std::string part = path.substr(0, slash + 1);
    if (path != part + path.substr(start, slash - start) + ".h") return part;
  }
  return {};
}

// F/X/X.cpp: what a private folder defines, which is no kernel.
bool is_definition(const std::string& path, const std::string& part) {
  return path == part + fs::path(part).parent_path().filename().string() + ".cpp";
}

// Folders that a file of `owner` with this path relative to src/ may include.
std::vector<std::string> allowed_for(const LayerTable& table, const LayerRow& owner,
                                     const std::string& path) {
  std::vector<std::string> allowed = owner.closure;
  const std::string part = private_part(table, path);
  const bool is_private = !part.empty() && !is_definition(path, part);
  const bool is_direct = path.find('/', owner.folder.size() + 1) == std::string::npos;
  for (const LayerRow& row : table.rows) {
    if (row.folder != owner.folder || row.is_folder()) continue;
    if (row.is_private ? is_private : is_direct && path.ends_with(row.ending)) {
      allowed.insert(allowed.end(), row.closure.begin(), row.closure.end());
    }
  }
  return allowed;
}

class IncludeChecker {
 public:
  IncludeChecker(fs::path root, LayerTable table) : root_(std::move(root)), table_(std::move(table)) {}

  std::vector<std::string> run() {
    for (const fs::path& file : sources_below(root_, "src")) check_src_file(file);
    for (const fs::path& file : sources_below(root_, "include")) {
      each_include(file, [&](const std::string& where, const std::string& target) {
        if (!fs::exists(root_ / "include" / target)) {
          findings_.push_back(where + "include/ may include only include/, not \"" + target + "\"");
        }
      });
    }
    for (const fs::path& file : sources_below(root_, "tests")) {
      each_include(file, [&](const std::string& where, const std::string& target) {
        if (!fs::exists(root_ / file.parent_path() / target)) resolve(where, target);
      });
    }
    return std::move(findings_);
  }

 private:
  template <class F>
  void each_include(const fs::path& file, F&& visit) {
    size_t number = 0;
    for (const std::string& line : split_lines(read_text(root_ / file))) {
      ++number;
      if (auto target = quoted_include(line)) {
        visit(file.generic_string() + ":" + std::to_string(number) + ": ", *target);
      }
    }
  }

  // The folder of an include written relative to src/; null (with a finding, or for include/) when there is
  // none.
  const LayerRow* resolve(const std::string& where, const std::string& target) {
    if (fs::exists(root_ / "include" / target)) return nullptr;
    const LayerRow* row = fs::exists(root_ / "src" / target) ? folder_row(table_, target) : nullptr;
    if (!row)
      findings_.push_back(where + "\"" + target + "\" is no file of src/; write includes relative to src/");
    return row;
  }

  void check_src_file(const fs::path& file) {
    const std::string inside = fs::relative(file, "src").generic_string();
    const LayerRow* owner = folder_row(table_, inside);
    if (!owner) {
      findings_.push_back(file.generic_string() + ":1: its folder has no row in src/layers.txt");
      return;
    }
    const std::vector<std::string> allowed = allowed_for(table_, *owner, inside);
    each_include(file, [&](const std::string& where, const std::string& target) {
      const LayerRow* used = resolve(where, target);
      if (!used) return;
      if (!contains(allowed, used->folder)) {
        findings_.push_back(where + owner->folder + " may not include " + used->folder + " (\"" + target +
                            "\")");
      }
      const std::string part = private_part(table_, target);
      if (!part.empty() && inside.rfind(part, 0) != 0) {
        findings_.push_back(where + "\"" + target + "\" is private to " + part);
      }
    });
  }

  fs::path root_;
  LayerTable table_;
  std::vector<std::string> findings_;
};

LayerTable read_table(const fs::path& root) {
  return parse_layers(read_text(root / "src/layers.txt"), "src/layers.txt");
}

}  // namespace

LayerTable parse_layers(const std::string& text, const std::string& name) {
  LayerTable table;
  std::set<std::string> names;
  size_t number = 0;
  for (const std::string& line : split_lines(text)) {
    ++number;
    const auto fault = [&](const std::string& what) {
      table.faults.push_back(name + ":" + std::to_string(number) + ": " + what);
    };
    if (line.find_first_not_of(" \t") == std::string::npos || line[0] == '#') continue;
    const size_t bar = line.find('|');
    const size_t bar2 = bar == std::string::npos ? bar : line.find('|', bar + 1);
    const std::vector<std::string> first = split_words(line.substr(0, bar));
    if (bar2 == std::string::npos || first.size() != 1 || split_words(line.substr(bar2 + 1)).empty()) {
      fault("a row is `folder | may include | one line`");
      continue;
    }
    LayerRow row;
    row.folder = first[0];
    if (const size_t star = row.folder.find("/*/private"); star != std::string::npos) {
      row.is_private = true;
      row.folder.resize(star);
    } else if (const size_t dot = row.folder.find("/*"); dot != std::string::npos) {
      row.ending = row.folder.substr(dot + 2);
      row.folder.resize(dot);
    }
    if (!names.insert(first[0]).second) fault(first[0] + " has two rows");
    row.may_use = split_words(line.substr(bar + 1, bar2 - bar - 1));
    row.closure = {row.folder};
    for (const std::string& used : row.may_use) {
      const auto above = std::find_if(table.rows.begin(), table.rows.end(),
                                      [&](const LayerRow& r) { return r.folder == used && r.is_folder(); });
      if (above == table.rows.end()) {
        fault(first[0] + " names " + used + ", which is no row above it");
        continue;
      }
      for (const std::string& folder : above->closure) {
        if (!contains(row.closure, folder)) row.closure.push_back(folder);
      }
    }
    table.rows.push_back(std::move(row));
  }
  if (table.rows.empty()) table.faults.push_back(name + ":1: the table is missing or empty");
  return table;
}

std::vector<std::string> check_includes(const fs::path& root) {
  LayerTable table = read_table(root);
  if (!table.faults.empty()) return table.faults;
  return IncludeChecker(root, std::move(table)).run();
}

std::vector<std::string> check_sizes(const fs::path& root) {
  const LayerTable table = read_table(root);
  std::vector<std::string> findings = table.faults;
  for (const LayerRow& row : table.rows) {
    if (!row.is_folder()) continue;
    const std::string readme = "src/" + row.folder + "/README.md";
    const size_t lines = split_lines(read_text(root / readme)).size();
    if (lines == 0) findings.push_back(readme + ":1: missing; say purpose, invariants and entry point");
    if (lines > kMaxReadmeLines) {
      findings.push_back(readme + ":" + std::to_string(lines) + ": longer than " +
                         std::to_string(kMaxReadmeLines) + " lines");
    }
  }
  for (const char* folder : {"src", "include", "tests"}) {
    for (const fs::path& file : sources_below(root, folder)) {
      const size_t lines = split_lines(read_text(root / file)).size();
      if (lines > kMaxSourceLines) {
        findings.push_back(file.generic_string() + ":" + std::to_string(lines) + ": longer than " +
                           std::to_string(kMaxSourceLines) + " lines");
      }
    }
  }
  return findings;
}

}  // namespace gannet
