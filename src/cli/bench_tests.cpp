#include "cli/bench_tests.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "cli/bench_ranges.h"

namespace gannet {
namespace {

Result<std::vector<int64_t>> numbers_from(const std::string& flag, const std::vector<std::string>& values,
                                          int64_t least, int64_t most) {
  std::vector<int64_t> numbers = GANNET_TRY(parse_bench_numbers(flag, values));
  for (int64_t n : numbers)
    if (n < least || n > most)
      return Error(ErrorCode::kUsage, fmt::format("{} {}: must be from {} to {}", flag, n, least, most));
  return numbers;
}

Result<std::vector<DType>> types_from(const std::string& flag, const std::vector<std::string>& values) {
  std::vector<DType> types;
  for (const std::string& name : split_bench_words(values))
    types.push_back(GANNET_TRY(cache_type(flag, name)));
  if (types.empty()) return Error(ErrorCode::kUsage, fmt::format("{}: names no type", flag));
  return types;
}

Result<std::vector<bool>> graphs_from(const std::vector<std::string>& values) {
  std::vector<bool> naive;
  for (const std::string& name : split_bench_words(values)) naive.push_back(GANNET_TRY(is_naive_graph(name)));
  if (naive.empty()) return Error(ErrorCode::kUsage, "--graph: names no graph");
  return naive;
}

}  // namespace

std::vector<std::string> bench_model_paths(const BenchOptions& options) {
  std::vector<std::string> paths;
  for (const std::string& value : options.models) {
    std::error_code problem;
    if (std::filesystem::exists(value, problem)) {
      paths.push_back(value);
    } else {
      for (std::string& path : split_bench_words({value})) paths.push_back(std::move(path));
    }
  }
  if (paths.empty()) paths.emplace_back();
  return paths;
}

Result<std::vector<BenchTest>> make_bench_tests(const BenchOptions& o, size_t n_models, int default_threads) {
  constexpr int64_t kMostTokens = int64_t{1} << 30;
  const auto prompts = GANNET_TRY(numbers_from("-p", o.n_prompt, 0, kMostTokens));
  const auto gens = GANNET_TRY(numbers_from("-n", o.n_gen, 0, kMostTokens));
  const auto depths = GANNET_TRY(numbers_from("-d", o.n_depth, 0, kMostTokens));
  const auto ubatches = GANNET_TRY(numbers_from("-ub", o.n_ubatch, 1, kMostUbatch));
  const auto threads = GANNET_TRY(numbers_from("-t", o.n_threads, 0, kMostThreads));
  const auto types_k = GANNET_TRY(types_from("-ctk", o.type_k));
  // A ladder has rungs of its own.
  const std::vector<bool> graphs = o.ladder ? std::vector{false} : GANNET_TRY(graphs_from(o.graphs));
  const auto types_v = GANNET_TRY(types_from("-ctv", o.type_v));
  std::vector<std::pair<int64_t, int64_t>> work;
  for (int64_t n : prompts)
    if (n > 0) work.emplace_back(n, 0);
  for (int64_t n : gens)
    if (n > 0) work.emplace_back(0, n);
  for (const auto& [p, n] : GANNET_TRY(parse_bench_pairs("-pg", o.pairs))) {
    if (p > kMostTokens || n > kMostTokens)
      return Error(ErrorCode::kUsage, fmt::format("-pg {},{}: must be from 0 to {}", p, n, kMostTokens));
    if (p > 0 || n > 0) work.emplace_back(p, n);
  }
  if (work.empty())
    return Error(ErrorCode::kUsage, "nothing to measure; give -p, -n or -pg a number above 0");

  std::vector<BenchTest> tests;
  for (size_t model = 0; model < n_models; ++model)
    for (int64_t n_ubatch : ubatches)
      for (DType k : types_k)
        for (DType v : types_v)
          for (int64_t n_threads : threads)
            for (int64_t n_depth : depths)
              for (const auto& [n_prompt, n_gen] : work)
                for (bool naive : graphs) {
                  const int64_t batch = o.model.batch_size,
                                rows = batch > 0 ? std::min(batch, n_ubatch) : n_ubatch;
                  const int t = n_threads == 0 ? default_threads : static_cast<int>(n_threads);
                  tests.push_back({model, n_prompt, n_gen, n_depth, rows, t, k, v, naive, -1, ""});
                  if (tests.size() > kMaxBenchValues)
                    return Error(ErrorCode::kUsage,
                                 fmt::format("more than {} tests; sweep fewer values", kMaxBenchValues));
                }
  return tests;
}

}  // namespace gannet
