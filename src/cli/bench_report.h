// What one bench test gave, and its printing as Markdown, CSV, JSON, JSON lines or SQL. The fields before
// `isa` are those of the established bench tool of the GGUF world, with its names, order and meaning, so that
// existing scripts read them; settings that this program does not have hold that tool's neutral values. Knows
// nothing of models.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "cli/bench_test.h"

namespace gannet {

// BenchRecord::pass of the naive graph, with which a ladder begins.
inline constexpr const char* kNaiveRung = "naive";

// The answers to the prompts of one kind.
struct BenchKind {
  std::string name;
  std::vector<double> samples_ts = {};  // tokens per second, one per repetition
  double ratio_to_off = 0;              // as BenchRecord::ratio_to_off
};

struct BenchRecord {
  std::string build_commit, cpu_info;
  std::string model_filename, model_type;
  int64_t model_size = 0, model_n_params = 0;  // bytes and number of the weights
  int64_t n_ubatch = 512;
  int64_t n_threads = 0;
  std::string cpu_mask = "0x0";
  std::string type_k = "f16", type_v = "f16";
  std::string load_mode = "auto";
  std::string device = "cpu";
  int64_t n_gpu_layers = 0, n_cpu_moe = 0;  // -1: as many as fit
  int64_t n_prompt = 0, n_gen = 0, n_depth = 0;
  std::string test_time;                          // UTC, "2026-01-31T12:00:00Z"
  std::string isa;                                // widest instruction set that kernels could use
  std::string graph = "optimized";                // or "naive"
  std::string passes;                             // those that were switched off: "-NAME,-NAME"
  std::string pass;                               // in a ladder: the last pass that ran, kNaiveRung for none
  std::vector<int64_t> samples_ns;                // one per repetition: the whole test, without its depth
  std::string spec, spec_text, spec_synth_rates;  // --spec and so on, as typed; empty: not given
  BenchDrafts drafts;                             // of all samples
  int64_t n_parallel = 1;                         // sequences at once; all rates are of all together
  std::string spec_prompts;                       // --spec-prompts; empty: not given
  double temperature = 0;                         // of the answers to prompts
  int64_t seed = 0;
  std::vector<int64_t> samples_tokens;  // one per repetition; empty: n_parallel * (n_prompt + n_gen) each
  std::vector<std::vector<BenchAnswer>> answers;  // to prompts, in their order; by repetition
  // Set by compare_with_off() (cli/bench_comparison.h).
  double ratio_to_off = 0;  // of rates, median over repetitions; 0: without drafts it was not measured
  int64_t same_text = -1;   // answers with the tokens of the first run without drafts; -1: not compared
  std::vector<BenchKind> kinds;
  double huge_page_share = -1;  // of what a token reads of the weights; -1: the kernel cannot tell

  int64_t bytes_per_token = 0;  // that must move to generate one token; 0: the test does not only generate
  int64_t flops = 0;            // of the whole test; 0: the test does not only read a prompt
  double read_bandwidth = 0;    // bytes per second, measured with n_threads threads; 0: not measured

  // "pp512", "tg128 @ d4096", "pp512+tg128", "tg128 x4", "32 answers tg128"
  std::string test_name() const;
  std::vector<double> samples_ts() const;  // tokens per second
  double bandwidth_share() const;          // of read_bandwidth; 0 when bytes_per_token is
  double tokens_per_round() const;         // 0 without rounds
  double tflops() const;                   // 10^12 operations per second; 0 when flops is
};

struct BenchStatistics {
  double mean = 0, deviation = 0;  // deviation of a sample (n - 1); 0 for one value
};
BenchStatistics bench_statistics(const std::vector<double>& samples);
double bench_median(std::vector<double> samples);  // the mean of the middle two of an even number; 0 for none

using BenchValue = std::variant<std::string, int64_t, double, bool>;
struct BenchField {
  const char* name;
  BenchValue value;
};
// All fields but the samples, in order.
std::vector<BenchField> bench_fields(const BenchRecord& record);

// Columns of the Markdown table that are not always shown: those that somebody set.
struct BenchColumns {
  bool filename = false, load_mode = false, n_ubatch = false, type_k = false, type_v = false,
       cpu_mask = false, isa = false, graph = false, passes = false, spec = false, spec_prompts = false;
};

// Turns records into text: begin(), then row() for each, then end(); end() completes the document after any
// number of rows.
class BenchPrinter {
 public:
  virtual ~BenchPrinter() = default;
  virtual std::string begin() = 0;
  virtual std::string row(const BenchRecord& record) = 0;
  virtual std::string end() = 0;
};

// A record as JSON: the fields, the median rate and the samples, and of answers to prompts each.
nlohmann::ordered_json bench_json(const BenchRecord& record);
// File names need not be UTF-8; what is not gets the replacement character.
std::string bench_json_text(const nlohmann::ordered_json& object, int indent);

std::unique_ptr<BenchPrinter> make_markdown_printer(const BenchColumns& columns);
// `format`: md, csv, json, jsonl or sql. Errors: kUsage naming `flag`.
Result<std::unique_ptr<BenchPrinter>> make_bench_printer(const std::string& flag, const std::string& format,
                                                         const BenchColumns& columns);

}  // namespace gannet
