// Reads the layer table (src/layers.txt) and holds a source tree against it. Works on any root folder, so
// that the checker itself can be tested on small trees with known faults. Every finding is one line of text
// with file and line.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace gannet {

struct LayerRow {
  std::string folder;                // relative to src/: "base", "backend/cpu"
  std::string ending;                // ".cpp" for a row `ops/*.cpp`, else empty
  bool is_private = false;           // a row `ops/*/private`
  std::vector<std::string> may_use;  // as written in the row
  std::vector<std::string> closure;  // with everything that those may use in turn; includes the folder itself

  bool is_folder() const { return ending.empty() && !is_private; }
};

struct LayerTable {
  std::vector<LayerRow> rows;
  std::vector<std::string> faults;  // lines that are no rows, rows that name no row above them, doubles
};

// `text` is the content of the table, `name` how findings call it.
LayerTable parse_layers(const std::string& text, const std::string& name);

// Checks all includes of `root`/src, `root`/include and `root`/tests against `root`/src/layers.txt.
std::vector<std::string> check_includes(const std::filesystem::path& root);

// Checks that every folder of the table exists with a README.md of at most 40 lines and that no source file
// has more than 600 lines.
std::vector<std::string> check_sizes(const std::filesystem::path& root);

}  // namespace gannet
