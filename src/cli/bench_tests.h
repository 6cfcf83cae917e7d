// The flags of `gannet bench` and the tests they mean.
#pragma once

#include <string>
#include <vector>

#include "cli/bench_runner.h"
#include "cli/model_options.h"
#include "cli/options.h"
#include "draft/options.h"

namespace gannet {

// Values as typed; every one of a swept flag may be a list or ranges (cli/bench_ranges.h).
struct BenchOptions {
  std::vector<std::string> models, n_prompt = {"512"}, n_gen = {"128"}, pairs, n_depth = {"0"},
                                   n_threads = {"0"};
  std::vector<std::string> n_ubatch = {"512"}, type_k = {"f16"}, type_v = {"f16"};
  std::vector<std::string> graphs = {"optimized"}, load_modes = {"auto"};
  bool ladder = false;  // --passes-ladder
  int64_t repetitions = 5;
  std::string output = "md", output_err = "none";
  std::string mmap;  // -mmp, another way to say a load mode: empty, on or off
  bool progress = false, no_warmup = false;
  double delay = 0;
  bool profile = false;
  std::string trace;              // empty: none
  std::vector<std::string> spec;  // --spec: modes to sweep; none: no decoder
  std::string spec_text, spec_prompts, spec_rates, draft_model;
  std::vector<std::string> spec_parallel = {"1"};
  double temperature = 0;  // of answers to prompts
  int64_t seed = 0;
  bool spec_force = false;
  ModelOptions model;  // what is not swept: kernels, passes, --check-tensors
};

// `o` must outlive the options.
void add_bench_options(Options& options, BenchOptions& o);

// The files to measure; one empty path: the embedded pocket model. "a.gguf,b.gguf" names two files, unless
// there is a file of that very name.
std::vector<std::string> bench_model_paths(const BenchOptions& options);

// What --spec names: off, auto, or sources joined by +, with values as in --spec-type: "draft-mtp:n_max=2".
// The word force among them is --spec-force for this mode.
struct BenchMode {
  std::string name;
  SpeculationOptions options;
};
// Errors: kUsage naming the flag.
Result<std::vector<BenchMode>> bench_modes(const BenchOptions& options);

// All combinations; those that differ only in their graph or mode side by side. Thread counts of 0 become
// `default_threads`. Errors: kUsage naming the flag.
Result<std::vector<BenchTest>> make_bench_tests(const BenchOptions& options, size_t n_models,
                                                int default_threads);

}  // namespace gannet
