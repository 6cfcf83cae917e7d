// The output formats of `gannet bench`. CSV and SQL quote every value, JSON and JSON lines add the samples.
#include <algorithm>

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

class JsonPrinter : public BenchPrinter {
 public:
  std::string begin() override { return "["; }
  std::string row(const BenchRecord& record) override {
    const std::string separator = first_ ? "\n" : ",\n";
    first_ = false;
    return separator + bench_json_text(bench_json(record), 2);
  }
  std::string end() override { return "\n]\n"; }

 private:
  bool first_ = true;
};

class JsonLinesPrinter : public BenchPrinter {
 public:
  std::string begin() override { return ""; }
  std::string row(const BenchRecord& record) override {
    return bench_json_text(bench_json(record), -1) + "\n";
  }
  std::string end() override { return ""; }
};

class MarkdownPrinter : public BenchPrinter {
 public:
  explicit MarkdownPrinter(const BenchColumns& shown) {
    const auto add = [&](const char* title, int width, bool right, Cell cell) {
      columns_.push_back({title, width, right, cell, false});
    };
    // What tells tests apart stands in front of the ratios, too.
    const auto add_key = [&](const char* title, int width, bool right, Cell cell) {
      columns_.push_back({title, width, right, cell, true});
    };
    add_key("model", 30, false, [](const BenchRecord& r) { return r.model_type; });
    if (shown.load_mode) add_key("load", 6, false, [](const BenchRecord& r) { return r.load_mode; });
    if (shown.filename) add_key("file", 30, false, [](const BenchRecord& r) { return r.model_filename; });
    add("size", 10, true, [](const BenchRecord& r) { return size_text(r.model_size); });
    add("params", 10, true, [](const BenchRecord& r) { return parameters_text(r.model_n_params); });
    add("backend", 10, false, [](const BenchRecord&) { return std::string("CPU"); });
    if (shown.isa) add("isa", 10, false, [](const BenchRecord& r) { return r.isa; });
    add_key("threads", 7, true, [](const BenchRecord& r) { return fmt::format("{}", r.n_threads); });
    if (shown.cpu_mask) add("cpu_mask", 8, false, [](const BenchRecord& r) { return r.cpu_mask; });
    if (shown.n_ubatch)
      add_key("n_ubatch", 8, true, [](const BenchRecord& r) { return fmt::format("{}", r.n_ubatch); });
    if (shown.type_k) add_key("type_k", 6, true, [](const BenchRecord& r) { return r.type_k; });
    if (shown.type_v) add_key("type_v", 6, true, [](const BenchRecord& r) { return r.type_v; });
    if (shown.graph) add("graph", 9, false, [](const BenchRecord& r) { return r.graph; });
    if (shown.passes) add("passes", 20, false, [](const BenchRecord& r) { return r.passes; });
    add_key("test", 15, true, [](const BenchRecord& r) { return r.test_name(); });
    add("t/s", 20, true, [](const BenchRecord& r) {
      const BenchStatistics ts = bench_statistics(r.samples_ts());
      return fmt::format("{:.2f} ± {:.2f}", ts.mean, ts.deviation);
    });
    add("reached", 14, true, reached_text);
  }

  std::string begin() override { return header(columns_); }

  std::string row(const BenchRecord& record) override {
    build_ = record.build_commit;
    bandwidth_[record.n_threads] = record.read_bandwidth;
    remember(record);
    std::string line = "|";
    for (const Column& c : columns_) line += fmt::format(" {} |", aligned(c.cell(record), c));
    return line + "\n";
  }

  std::string end() override {
    if (build_.empty()) return "";
    std::string text = ratios() + fmt::format("\nbuild: {} (0)\n", build_);
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
    bool key;
  };
  struct Pair {  // of one test on both graphs
    std::string key;
    double naive = 0, optimized = 0;
  };

  static std::string header(const std::vector<Column>& columns) {
    std::string titles = "|", rule = "|";
    for (const Column& c : columns) {
      titles += fmt::format(" {} |", aligned(c.title, c));
      rule += fmt::format(" {}{} |", std::string(static_cast<size_t>(c.width) - 1, '-'), c.right ? ':' : '-');
    }
    return titles + "\n" + rule + "\n";
  }

  void remember(const BenchRecord& record) {
    std::string key;
    for (const Column& c : columns_)
      if (c.key) key += fmt::format(" {} |", aligned(c.cell(record), c));
    auto pair = std::ranges::find(pairs_, key, &Pair::key);
    if (pair == pairs_.end()) pair = pairs_.insert(pairs_.end(), {key});
    (record.graph == "naive" ? pair->naive : pair->optimized) = bench_median(record.samples_ts());
  }

  // A table of the tests that were measured on both graphs.
  std::string ratios() const {
    std::vector<Column> columns;
    for (const Column& c : columns_)
      if (c.key) columns.push_back(c);
    for (const char* title : {"naive (median)", "optimized (median)", "ratio"})
      columns.push_back({title, static_cast<int>(std::string_view(title).size()) + 2, true, nullptr, false});
    const size_t n = columns.size();
    std::string rows;
    for (const Pair& p : pairs_) {
      if (p.naive == 0 || p.optimized == 0) continue;
      rows +=
          fmt::format("|{} {} | {} | {} |\n", p.key, aligned(fmt::format("{:.2f}", p.naive), columns[n - 3]),
                      aligned(fmt::format("{:.2f}", p.optimized), columns[n - 2]),
                      aligned(fmt::format("{:.2f}", p.optimized / p.naive), columns[n - 1]));
    }
    return rows.empty() ? "" : "\n" + header(columns) + rows;
  }

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
  std::vector<Pair> pairs_;
};

}  // namespace

nlohmann::ordered_json bench_json(const BenchRecord& record) {
  nlohmann::ordered_json object;
  for (const BenchField& field : bench_fields(record))
    std::visit([&](const auto& value) { object[field.name] = value; }, field.value);
  object["median_ts"] = bench_median(record.samples_ts());
  object["samples_ns"] = record.samples_ns;
  object["samples_ts"] = record.samples_ts();
  return object;
}

std::string bench_json_text(const nlohmann::ordered_json& object, int indent) {
  return object.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

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
