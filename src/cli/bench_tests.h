// The flags of `gannet bench` and the tests they mean.
#pragma once

#include <string>
#include <vector>

#include "cli/bench_runner.h"
#include "cli/model_options.h"

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
  std::string trace;   // empty: none
  ModelOptions model;  // what is not swept: kernels, passes, --check-tensors
};

// The files to measure; one empty path: the embedded pocket model. "a.gguf,b.gguf" names two files, unless
// there is a file of that very name.
std::vector<std::string> bench_model_paths(const BenchOptions& options);

// All combinations; those that differ only in their graph side by side. Thread counts of 0 become
// `default_threads`. Errors: kUsage naming the flag.
Result<std::vector<BenchTest>> make_bench_tests(const BenchOptions& options, size_t n_models,
                                                int default_threads);

}  // namespace gannet
