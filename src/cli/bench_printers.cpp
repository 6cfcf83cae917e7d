// The output formats of `gannet bench`. CSV and SQL quote every value, JSON and JSON lines add the samples.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/bench_report.h"

namespace gannet {
namespace {

std::string plain(const BenchValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* number = std::get_if<int64_t>(&value)) return fmt::format("{}", *number);
  if (const auto* real = std::get_if<double>(&value)) return fmt::format("{:.6f}", *real);
  return std::get<bool>(value) ? "1" : "0";
}

// `text` between `quote`s, quotes inside doubled: the rule of CSV (") and of SQL (').
std::string quoted(const std::string& text, char quote) {
  std::string out(1, quote);
  for (char c : text) {
    if (c == quote) out += quote;
    out += c;
  }
  return out += quote;
}

class CsvPrinter : public BenchPrinter {
 public:
  std::string begin() override {
    std::string line;
    for (const BenchField& field : bench_fields({}))
      line += fmt::format("{}{}", line.empty() ? "" : ",", field.name);
    return line + "\n";
  }
  std::string row(const BenchRecord& record) override {
    std::string line;
    for (const BenchField& field : bench_fields(record))
      line += (line.empty() ? "" : ",") + quoted(plain(field.value), '"');
    return line + "\n";
  }
  std::string end() override { return ""; }
};

class SqlPrinter : public BenchPrinter {
 public:
  std::string begin() override {
    std::string columns;
    for (const BenchField& field : bench_fields({})) {
      const char* type = std::holds_alternative<std::string>(field.value) ? "TEXT"
                         : std::holds_alternative<double>(field.value)    ? "REAL"
                                                                          : "INTEGER";
      columns += fmt::format("{}  {} {}", columns.empty() ? "" : ",\n", field.name, type);
    }
    return fmt::format("CREATE TABLE IF NOT EXISTS llama_bench (\n{}\n);\n\n", columns);
  }
  std::string row(const BenchRecord& record) override {
    std::string names, values;
    for (const BenchField& field : bench_fields(record)) {
      names += fmt::format("{}{}", names.empty() ? "" : ", ", field.name);
      values += (values.empty() ? "" : ", ") + quoted(plain(field.value), '\'');
    }
    return fmt::format("INSERT INTO llama_bench ({}) VALUES ({});\n", names, values);
  }
  std::string end() override { return ""; }
};

nlohmann::ordered_json to_json(const BenchRecord& record) {
  nlohmann::ordered_json object;
  for (const BenchField& field : bench_fields(record))
    std::visit([&](const auto& value) { object[field.name] = value; }, field.value);
  object["samples_ns"] = record.samples_ns;
  object["samples_ts"] = record.samples_ts();
  return object;
}

// File names need not be UTF-8; what is not gets the replacement character.
std::string dump(const nlohmann::ordered_json& object, int indent) {
  return object.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

class JsonPrinter : public BenchPrinter {
 public:
  std::string begin() override { return "["; }
  std::string row(const BenchRecord& record) override {
    const std::string separator = first_ ? "\n" : ",\n";
    first_ = false;
    return separator + dump(to_json(record), 2);
  }
  std::string end() override { return "\n]\n"; }

 private:
  bool first_ = true;
};

class JsonLinesPrinter : public BenchPrinter {
 public:
  std::string begin() override { return ""; }
  std::string row(const BenchRecord& record) override { return dump(to_json(record), -1) + "\n"; }
  std::string end() override { return ""; }
};

class MarkdownPrinter : public BenchPrinter {
 public:
  explicit MarkdownPrinter(const BenchColumns& shown) {
    const auto add = [&](const char* title, int width, bool right, Cell cell) {
      columns_.push_back({title, width, right, std::move(cell)});
    };
    add("model", 30, false, [](const BenchRecord& r) { return r.model_type; });
    if (shown.filename) add("file", 30, false, [](const BenchRecord& r) { return r.model_filename; });
    add("size", 10, true, [](const BenchRecord& r) { return size_text(r.model_size); });
    add("params", 10, true, [](const BenchRecord& r) { return parameters_text(r.model_n_params); });
    add("backend", 10, false, [](const BenchRecord&) { return std::string("CPU"); });
    if (shown.isa) add("isa", 10, false, [](const BenchRecord& r) { return r.isa; });
    add("threads", 7, true, [](const BenchRecord& r) { return fmt::format("{}", r.n_threads); });
    if (shown.cpu_mask) add("cpu_mask", 8, false, [](const BenchRecord& r) { return r.cpu_mask; });
    if (shown.n_ubatch)
      add("n_ubatch", 8, true, [](const BenchRecord& r) { return fmt::format("{}", r.n_ubatch); });
    if (shown.type_k) add("type_k", 6, true, [](const BenchRecord& r) { return r.type_k; });
    if (shown.type_v) add("type_v", 6, true, [](const BenchRecord& r) { return r.type_v; });
    add("test", 15, true, [](const BenchRecord& r) { return r.test_name(); });
    add("t/s", 20, true, [](const BenchRecord& r) {
      const BenchStatistics ts = bench_statistics(r.samples_ts());
      return fmt::format("{:.2f} ± {:.2f}", ts.mean, ts.deviation);
    });
    add("reached", 14, true, reached_text);
  }

  std::string begin() override {
    std::string titles = "|", rule = "|";
    for (const Column& c : columns_) {
      titles += fmt::format(" {} |", aligned(c.title, c));
      rule += fmt::format(" {}{} |", std::string(static_cast<size_t>(c.width) - 1, '-'), c.right ? ':' : '-');
    }
    return titles + "\n" + rule + "\n";
  }

  std::string row(const BenchRecord& record) override {
    build_ = record.build_commit;
    bandwidth_[record.n_threads] = record.read_bandwidth;
    std::string line = "|";
    for (const Column& c : columns_) line += fmt::format(" {} |", aligned(c.cell(record), c));
    return line + "\n";
  }

  std::string end() override {
    if (build_.empty()) return "";
    std::string text = fmt::format("\nbuild: {} (0)\n", build_);
    for (const auto& [threads, bytes] : bandwidth_)
      if (bytes > 0)
        text += fmt::format("read bandwidth with {} threads: {:.1f} GB/s\n", threads, bytes * 1e-9);
    return text;
  }

 private:
  using Cell = std::string (*)(const BenchRecord&);
  struct Column {
    const char* title;
    int width;
    bool right;
    Cell cell;
  };

  // fmt counts code points, so "±" takes one place.
  static std::string aligned(const std::string& text, const Column& c) {
    return c.right ? fmt::format("{:>{}}", text, c.width) : fmt::format("{:<{}}", text, c.width);
  }
  static std::string size_text(int64_t bytes) {
    constexpr double kMiB = 1 << 20, kGiB = 1 << 30;
    const auto n = static_cast<double>(bytes);
    return n >= kGiB ? fmt::format("{:.2f} GiB", n / kGiB) : fmt::format("{:.2f} MiB", n / kMiB);
  }
  static std::string parameters_text(int64_t count) {
    const auto n = static_cast<double>(count);
    return n >= 1e9 ? fmt::format("{:.2f} B", n * 1e-9) : fmt::format("{:.2f} M", n * 1e-6);
  }
  // How near the test came to what the machine can do: reading memory when it generates, arithmetic
  // otherwise.
  static std::string reached_text(const BenchRecord& r) {
    if (r.bandwidth_share() > 0) return fmt::format("{:.1f} % of bw", 100 * r.bandwidth_share());
    if (r.flops > 0) return fmt::format("{:.3f} TFLOPS", r.tflops());
    return "-";
  }

  std::vector<Column> columns_;
  std::string build_;
  std::map<int64_t, double> bandwidth_;
};

}  // namespace

Result<std::unique_ptr<BenchPrinter>> make_bench_printer(const std::string& flag, const std::string& format,
                                                         const BenchColumns& columns) {
  std::unique_ptr<BenchPrinter> printer;
  if (format == "md") printer = std::make_unique<MarkdownPrinter>(columns);
  if (format == "csv") printer = std::make_unique<CsvPrinter>();
  if (format == "json") printer = std::make_unique<JsonPrinter>();
  if (format == "jsonl") printer = std::make_unique<JsonLinesPrinter>();
  if (format == "sql") printer = std::make_unique<SqlPrinter>();
  if (!printer)
    return Error(ErrorCode::kUsage,
                 fmt::format("{} {}: there is no such format (md, csv, json, jsonl, sql are)", flag, format));
  return printer;
}

}  // namespace gannet
