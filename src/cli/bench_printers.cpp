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

}  // namespace

nlohmann::ordered_json bench_json(const BenchRecord& record) {
  nlohmann::ordered_json object;
  for (const BenchField& field : bench_fields(record))
    std::visit([&](const auto& value) { object[field.name] = value; }, field.value);
  object["median_ts"] = bench_median(record.samples_ts());
  object["samples_ns"] = record.samples_ns;
  object["samples_ts"] = record.samples_ts();
  if (record.answers.empty()) return object;
  object["samples_tokens"] = record.samples_tokens;
  for (const BenchKind& kind : record.kinds)
    object["kinds"][kind.name] = {{"median_ts", bench_median(kind.samples_ts)},
                                  {"ratio_to_off", kind.ratio_to_off},
                                  {"samples_ts", kind.samples_ts}};
  object["answers"] = nlohmann::ordered_json::array();
  for (size_t i = 0; i < record.answers[0].size(); ++i) {
    const BenchAnswer& first = record.answers[0][i];
    std::vector<int64_t> samples_ns;
    for (const std::vector<BenchAnswer>& answers : record.answers)
      samples_ns.push_back(answers[i].nanoseconds);
    object["answers"].push_back({{"kind", first.kind},
                                 {"name", first.name},
                                 {"tokens", first.tokens.size()},
                                 {"samples_ns", samples_ns},
                                 {"text", first.text}});
  }
  return object;
}

std::string bench_json_text(const nlohmann::ordered_json& object, int indent) {
  return object.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Result<std::unique_ptr<BenchPrinter>> make_bench_printer(const std::string& flag, const std::string& format,
                                                         const BenchColumns& columns) {
  std::unique_ptr<BenchPrinter> printer;
  if (format == "md") printer = make_markdown_printer(columns);
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
