#include "cli/inspect_text.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>

#include <fmt/format.h>

#include "base/printable.h"

namespace gannet {
namespace {

constexpr size_t kTensorsUncut = 60;

// Rows of text cells, printed in columns; numeric columns are right-aligned.
class Table {
 public:
  explicit Table(std::vector<bool> right) : right_(std::move(right)) {}
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  void print(std::string& out) const {
    std::vector<size_t> width(right_.size(), 0);
    for (const auto& row : rows_)
      for (size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], columns(row[i]));
    for (const auto& row : rows_) {
      std::string line = " ";
      for (size_t i = 0; i < row.size(); ++i) {
        const std::string pad(width[i] - columns(row[i]), ' ');
        line += ' ';
        line += right_[i] ? pad + row[i] : row[i] + pad;
        if (i + 1 < row.size()) line += ' ';
      }
      line.erase(line.find_last_not_of(' ') + 1);
      out += line + '\n';
    }
  }

 private:
  // Code points; close enough to terminal columns for names.
  static size_t columns(std::string_view text) {
    return static_cast<size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
  }
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

std::string shape_text(const Shape& shape) {
  std::string text = "[";
  for (int axis = 0; axis < shape.rank; ++axis)
    fmt::format_to(std::back_inserter(text), "{}{}", axis == 0 ? "" : ", ", shape.dim[axis]);
  return text + "]";
}

std::string count_text(double n) {
  if (n >= 1e9) return fmt::format("{:.2f} G", n / 1e9);
  if (n >= 1e6) return fmt::format("{:.2f} M", n / 1e6);
  if (n >= 1e3) return fmt::format("{:.2f} k", n / 1e3);
  return fmt::format("{:.0f}", n);
}

// A string entry for the card; entries of another type are shown as they are.
std::string card_text(const GgufFile& file, std::string_view key) {
  const GgufValue* value = file.find(key);
  if (value == nullptr) return "(not said)";
  if (const auto text = value->as_string()) return printable(*text, 200);
  return value->text();
}

std::string file_type_text(const GgufFile& file) {
  const GgufValue* value = file.find("general.file_type");
  if (value == nullptr) return "(not said)";
  const auto number = value->as_uint();
  if (!number) return value->text();
  constexpr uint64_t kGuessed = 1024;
  const bool guessed = *number >= kGuessed && *number < 2 * kGuessed;
  const std::string_view name = file_type_name(guessed ? *number - kGuessed : *number);
  return fmt::format("{}{} (number {})", name.empty() ? "unknown" : name, guessed ? ", guessed" : "",
                     *number);
}

void print_card(const GgufFile& file, std::string& out) {
  double elements = 0;
  uint64_t bytes = 0;
  for (const GgufTensor& tensor : file.tensors()) {
    elements += static_cast<double>(tensor.shape.elements());
    bytes += tensor.data.size();
  }
  Table table({false, false});
  table.add({"file", file.path()});
  table.add({"name", card_text(file, "general.name")});
  table.add({"architecture", card_text(file, "general.architecture")});
  table.add({"file type", file_type_text(file)});
  table.add(
      {"container", fmt::format("GGUF version {}, {} file{}, alignment {}", file.shards().front().version,
                                file.shards().size(), file.shards().size() == 1 ? "" : "s",
                                file.shards().front().alignment)});
  table.add({"size", fmt::format("{} ({} bytes)", human_bytes(file.file_bytes()), file.file_bytes())});
  table.add({"tensors", fmt::format("{}, {} parameters", file.tensors().size(), count_text(elements))});
  if (elements > 0)
    table.add({"bits", fmt::format("{:.3f} per parameter", 8.0 * static_cast<double>(bytes) / elements)});
  table.print(out);
}

void print_shards(const GgufFile& file, std::string& out) {
  if (file.shards().size() < 2) return;
  out += "\nfiles\n";
  Table table({false, true, true});
  for (const GgufShard& shard : file.shards())
    table.add({shard.path, fmt::format("{} tensors", shard.n_tensors), human_bytes(shard.bytes.size())});
  table.print(out);
}

void print_metadata(const GgufFile& file, bool all, std::string& out) {
  fmt::format_to(std::back_inserter(out), "\nmetadata ({} entries)\n", file.entries().size());
  Table table({false, false, false});
  for (const GgufEntry& entry : file.entries())
    table.add({printable(entry.key, 200), entry.value.type_text(),
               entry.value.text(all                      ? 4096
                                : entry.value.is_array() ? 24
                                                         : 72,
                                all ? 64 : 6)});
  table.print(out);
}

void print_tensors(const GgufFile& file, bool all, std::string& out) {
  const auto tensors = file.tensors();
  fmt::format_to(std::back_inserter(out), "\ntensors ({})\n", tensors.size());
  const bool cut = !all && tensors.size() > kTensorsUncut;
  Table table({false, false, false, true});
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (cut && i == kTensorsUncut / 2) {
      const size_t hidden = tensors.size() - kTensorsUncut;
      table.add({fmt::format("... {} more (--all shows them)", hidden), "", "", ""});
      i += hidden;
    }
    const GgufTensor& tensor = tensors[i];
    table.add({printable(tensor.name), std::string(dtype_info(tensor.dtype).name), shape_text(tensor.shape),
               human_bytes(tensor.data.size())});
  }
  table.print(out);
}

void print_types(const GgufFile& file, std::string& out) {
  struct Sum {
    size_t tensors = 0;
    double elements = 0;
    uint64_t bytes = 0;
  };
  std::map<DType, Sum> sums;
  uint64_t total = 0;
  for (const GgufTensor& tensor : file.tensors()) {
    Sum& sum = sums[tensor.dtype];
    ++sum.tensors;
    sum.elements += static_cast<double>(tensor.shape.elements());
    sum.bytes += tensor.data.size();
    total += tensor.data.size();
  }
  if (sums.empty()) return;
  std::vector<std::pair<DType, Sum>> ordered(sums.begin(), sums.end());
  std::ranges::stable_sort(ordered, std::ranges::greater(),
                           [](const auto& item) { return item.second.bytes; });
  out += "\nsizes by type\n";
  Table table({false, true, true, true, true});
  for (const auto& [type, sum] : ordered)
    table.add({std::string(dtype_info(type).name),
               fmt::format("{} tensor{}", sum.tensors, sum.tensors == 1 ? "" : "s"), count_text(sum.elements),
               human_bytes(sum.bytes),
               fmt::format("{:.1f} %", 100.0 * static_cast<double>(sum.bytes) / static_cast<double>(total))});
  table.print(out);
}

}  // namespace

std::string_view file_type_name(uint64_t file_type) {
  // Numbers without a name were given up by the format.
  static constexpr std::array<std::string_view, 42> kNames = {
      "F32",   "F16",     "Q4_0",      "Q4_1",   "",       "",        "",       "Q8_0",   "Q5_0",
      "Q5_1",  "Q2_K",    "Q3_K_S",    "Q3_K_M", "Q3_K_L", "Q4_K_S",  "Q4_K_M", "Q5_K_S", "Q5_K_M",
      "Q6_K",  "IQ2_XXS", "IQ2_XS",    "Q2_K_S", "IQ3_XS", "IQ3_XXS", "IQ1_S",  "IQ4_NL", "IQ3_S",
      "IQ3_M", "IQ2_S",   "IQ2_M",     "IQ4_XS", "IQ1_M",  "BF16",    "",       "",       "",
      "TQ1_0", "TQ2_0",   "MXFP4_MOE", "NVFP4",  "Q1_0",   "Q2_0"};
  return file_type < kNames.size() ? kNames[file_type] : std::string_view();
}

std::string human_bytes(uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) value /= 1024, ++unit;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.2f} {}", value, kUnits[unit]);
}

std::string inspect_container(const GgufFile& file, bool all) {
  std::string out;
  print_card(file, out);
  print_shards(file, out);
  print_metadata(file, all, out);
  print_tensors(file, all, out);
  print_types(file, out);
  return out;
}

}  // namespace gannet
