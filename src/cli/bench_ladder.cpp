#include "cli/bench_ladder.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/plan_maker.h"

namespace gannet {
namespace {

// The shapes that most of a test's time goes to.
std::vector<GraphShape> shapes_of(const BenchTest& test) {
  std::vector<GraphShape> shapes;
  if (test.n_prompt > 0) {
    shapes.push_back({std::min(test.n_ubatch, test.n_prompt), LogitRows::kLast, false});
    if (test.n_prompt > test.n_ubatch) shapes.push_back({test.n_ubatch, LogitRows::kNone, false});
  }
  if (test.n_gen > 0) shapes.push_back({1, LogitRows::kLast, false});
  return shapes;
}

// Ratios of a rung's median rate to the first and to the one before. A record of the naive graph starts a new
// ladder.
class Ratios {
 public:
  void next(const BenchRecord& record) {
    median = bench_median(record.samples_ts());
    if (record.pass == kNaiveRung) first_ = before_ = median;
    to_naive = first_ > 0 ? median / first_ : 0;
    to_before = before_ > 0 ? median / before_ : 0;
    before_ = median;
  }
  double median = 0, to_naive = 0, to_before = 0;

 private:
  double first_ = 0, before_ = 0;
};

class MarkdownLadder : public BenchPrinter {
 public:
  explicit MarkdownLadder(const BenchColumns& shown) : shown_(shown) {}

  std::string begin() override { return ""; }

  std::string row(const BenchRecord& record) override {
    std::string text;
    if (record.pass == kNaiveRung) {
      text = fmt::format("{}{}\n\n", build_.empty() ? "" : "\n", title(record));
      text += fmt::format("| {:<24} | {:>12} | {:>9} | {:>9} |\n", "pass", "t/s (median)", "to naive",
                          "to before");
      text += fmt::format("| {0:-<24} | {0:->11}: | {0:->8}: | {0:->8}: |\n", "");
    }
    build_ = record.build_commit;
    ratios_.next(record);
    return text + fmt::format("| {:<24} | {:>12.2f} | {:>9.3f} | {:>9.3f} |\n", record.pass, ratios_.median,
                              ratios_.to_naive, ratios_.to_before);
  }

  std::string end() override { return build_.empty() ? "" : fmt::format("\nbuild: {} (0)\n", build_); }

 private:
  std::string title(const BenchRecord& r) const {
    std::string text = fmt::format("{}, {}, {} thread{}", shown_.filename ? r.model_filename : r.model_type,
                                   r.test_name(), r.n_threads, r.n_threads == 1 ? "" : "s");
    if (shown_.n_ubatch) text += fmt::format(", ubatch {}", r.n_ubatch);
    if (shown_.type_k) text += fmt::format(", keys {}", r.type_k);
    if (shown_.type_v) text += fmt::format(", values {}", r.type_v);
    if (shown_.isa) text += fmt::format(", {}", r.isa);
    if (shown_.passes) text += fmt::format(", passes {}", r.passes);
    return text;
  }

  BenchColumns shown_;
  Ratios ratios_;
  std::string build_;
};

class JsonLadder : public BenchPrinter {
 public:
  explicit JsonLadder(bool lines) : lines_(lines) {}
  std::string begin() override { return lines_ ? "" : "["; }
  std::string row(const BenchRecord& record) override {
    ratios_.next(record);
    nlohmann::ordered_json object = bench_json(record);
    object["pass"] = record.pass;
    object["ratio_to_naive"] = ratios_.to_naive;
    object["ratio_to_before"] = ratios_.to_before;
    const std::string separator = lines_ ? "" : first_ ? "\n" : ",\n";
    first_ = false;
    return separator + bench_json_text(object, lines_ ? -1 : 2) + (lines_ ? "\n" : "");
  }
  std::string end() override { return lines_ ? "" : "\n]\n"; }

 private:
  bool lines_, first_ = true;
  Ratios ratios_;
};

}  // namespace

std::vector<LadderStep> ladder_steps(std::span<const std::vector<PassReport>> compiled) {
  std::vector<LadderStep> steps;
  if (compiled.empty()) return steps;
  for (size_t i = 0; i < compiled[0].size(); ++i)
    if (std::ranges::any_of(compiled, [&](const auto& reports) { return reports[i].changes > 0; }))
      steps.push_back({compiled[0][i].pass->name, static_cast<int>(i) + 1});
  return steps;
}

Result<std::vector<BenchTest>> make_ladder(const std::vector<BenchTest>& tests,
                                           std::span<const std::shared_ptr<const Model>> models,
                                           const std::vector<std::string>& off) {
  GraphOptions options;
  options.passes.off = off;
  std::vector<BenchTest> rungs;
  for (const BenchTest& test : tests) {
    std::vector<std::vector<PassReport>> compiled;
    for (const GraphShape& shape : shapes_of(test)) {
      MadeGraph made = GANNET_TRY(make_graph(*models[test.model], {shape, false, test.n_depth}, options));
      compiled.push_back(std::move(made.report.passes));
    }
    BenchTest rung = test;
    rung.naive = true;
    rung.pass = kNaiveRung;
    rungs.push_back(rung);
    rung.naive = false;
    for (const LadderStep& step : ladder_steps(compiled)) {
      rung.pass = step.pass;
      rung.first_n = step.first_n;
      rungs.push_back(rung);
    }
  }
  return rungs;
}

Result<std::unique_ptr<BenchPrinter>> make_ladder_printer(const std::string& flag, const std::string& format,
                                                          const BenchColumns& columns) {
  std::unique_ptr<BenchPrinter> printer;
  if (format == "md") printer = std::make_unique<MarkdownLadder>(columns);
  if (format == "json") printer = std::make_unique<JsonLadder>(false);
  if (format == "jsonl") printer = std::make_unique<JsonLadder>(true);
  if (!printer)
    return Error(ErrorCode::kUsage,
                 fmt::format("{} {}: --passes-ladder prints md, json and jsonl", flag, format));
  return printer;
}

}  // namespace gannet
