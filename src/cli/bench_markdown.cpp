// `gannet bench -o md`: a table of the tests, and tables that compare graphs and ways to draft.
#include <algorithm>

#include <fmt/format.h>

#include "cli/bench_report.h"

namespace gannet {
namespace {

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
    if (shown.spec) add("spec", 24, false, [](const BenchRecord& r) { return r.spec; });
    add("t/s", 20, true, [](const BenchRecord& r) {
      const BenchStatistics ts = bench_statistics(r.samples_ts());
      return fmt::format("{:.2f} ± {:.2f}", ts.mean, ts.deviation);
    });
    if (shown.spec) {
      add("accepted", 16, true, accepted_text);
      add("tok/round", 9, true, [](const BenchRecord& r) {
        return r.drafts.rounds == 0 ? std::string("-") : fmt::format("{:.2f}", r.tokens_per_round());
      });
    }
    if (shown.spec_prompts) {
      add("drafted", 8, true, [](const BenchRecord& r) { return fmt::format("{}", r.drafts.drafted); });
      add("same text", 9, true, [](const BenchRecord& r) {
        return r.same_text < 0
                   ? std::string("-")
                   : fmt::format("{}/{}", r.same_text, r.answers.empty() ? 0 : r.answers[0].size());
      });
    }
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
    std::string text = ratios() + speculation_ratios() + fmt::format("\nbuild: {} (0)\n", build_);
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

  struct Mode {  // of one test
    std::string key, spec;
    double ratio = 0;
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
    if (record.spec.empty() || record.spec == "off") {
      auto pair = std::ranges::find(pairs_, key, &Pair::key);
      if (pair == pairs_.end()) pair = pairs_.insert(pairs_.end(), {key});
      (record.graph == "naive" ? pair->naive : pair->optimized) = bench_median(record.samples_ts());
    }
    if (record.ratio_to_off > 0 && record.spec != "off" && record.graph != "naive")
      modes_.push_back({key, record.spec, record.ratio_to_off});
  }

  // A table of the tests that were measured with and without drafts. They took turns, so that each run is
  // compared with the one beside it.
  std::string speculation_ratios() const {
    std::vector<Column> columns;
    for (const Column& c : columns_)
      if (c.key || c.title == std::string_view("spec")) columns.push_back(c);
    columns.push_back({"t/s over t/s of off (median)", 28, true, nullptr, false});
    std::string rows;
    for (const Mode& mode : modes_)
      rows += fmt::format("|{} {} | {} |\n", mode.key, aligned(mode.spec, columns[columns.size() - 2]),
                          aligned(fmt::format("{:.3f}", mode.ratio), columns.back()));
    return rows.empty() ? "" : "\n" + header(columns) + rows;
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

  static std::string accepted_text(const BenchRecord& r) {
    if (r.drafts.verified == 0) return "-";
    return fmt::format("{}/{} {:.0f} %", r.drafts.accepted, r.drafts.verified,
                       100 * static_cast<double>(r.drafts.accepted) / static_cast<double>(r.drafts.verified));
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
  std::vector<Mode> modes_;
};

}  // namespace

std::unique_ptr<BenchPrinter> make_markdown_printer(const BenchColumns& columns) {
  return std::make_unique<MarkdownPrinter>(columns);
}

}  // namespace gannet
