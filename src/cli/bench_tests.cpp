#include "cli/bench_tests.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "cli/bench_ranges.h"
#include "cli/speculation_types.h"

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

// The modes as typed. What follows a source's first value behind a comma belongs to it:
// "off,draft-mtp:n_max=2,p_min=0.5".
std::vector<std::string> mode_names(const std::vector<std::string>& values) {
  std::vector<std::string> names;
  for (const std::string& word : split_bench_words(values)) {
    const bool is_value = word.find('=') != std::string::npos && word.find(':') == std::string::npos;
    if (is_value && !names.empty())
      names.back() += "," + word;
    else
      names.push_back(word);
  }
  return names;
}

Result<SpeculationOptions> mode_options(const std::string& name, const BenchOptions& o) {
  SpeculationFlags flags;
  flags.type_flag = "--spec";
  if (name == "off" || name == "none") {
    flags.mode = "off";
    return speculation_options(flags);
  }
  std::string list;
  flags.force = o.spec_force && name != "auto";
  for (size_t at = 0; at <= name.size();) {
    const size_t plus = std::min(name.find('+', at), name.size());
    const std::string word = name.substr(at, plus - at);
    if (at > 0 && word == "force")
      flags.force = true;
    else
      list += (list.empty() ? "" : ",") + word;
    at = plus + 1;
  }
  if (name != "auto") flags.types = {list};
  flags.synthetic_rates = o.spec_rates;
  // -md is there for the modes that name it, and for auto.
  SpeculationFlags probe = flags;
  const TypeList types = GANNET_TRY(parse_types(flags.types, probe));
  if (name == "auto" || std::ranges::find(types.kinds, SourceKind::kDraftSimple) != types.kinds.end())
    flags.draft.path = o.draft_model;
  return speculation_options(flags);
}

}  // namespace

Result<std::vector<BenchMode>> bench_modes(const BenchOptions& o) {
  std::vector<BenchMode> modes;
  for (const std::string& name : mode_names(o.spec))
    modes.push_back({name, GANNET_TRY(mode_options(name, o))});
  if (!modes.empty()) {
    if (o.ladder) return Error(ErrorCode::kUsage, "--spec and --passes-ladder cannot be given together");
    if (o.spec_prompts.empty() && (o.temperature != 0 || o.seed != 0))
      return Error(ErrorCode::kUsage, "--temp, --seed: need --spec-prompts, whose answers they are for");
    if (!o.spec_prompts.empty() && !o.spec_rates.empty())
      return Error(ErrorCode::kUsage, "--spec-prompts and --spec-synth-rates cannot be given together");
    return modes;
  }
  if (!o.spec.empty()) return Error(ErrorCode::kUsage, "--spec: names no mode");
  for (const auto& [flag, given] :
       {std::pair("--spec-text", !o.spec_text.empty()), std::pair("--spec-prompts", !o.spec_prompts.empty()),
        std::pair("--spec-parallel", o.spec_parallel != BenchOptions{}.spec_parallel),
        std::pair("--temp", o.temperature != 0), std::pair("--seed", o.seed != 0),
        std::pair("--spec-synth-rates", !o.spec_rates.empty()), std::pair("--spec-force", o.spec_force),
        std::pair("-md", !o.draft_model.empty())})
    if (given)
      return Error(ErrorCode::kUsage, fmt::format("{}: needs --spec, which says how to draft", flag));
  return modes;
}

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
  // Sequences at once: each has two hidden rows to keep (SessionOptions::carried_rows) at least.
  constexpr int64_t kMostTokens = int64_t{1} << 30, kMostParallel = 128;
  const auto prompts = GANNET_TRY(numbers_from("-p", o.n_prompt, 0, kMostTokens));
  const auto gens = GANNET_TRY(numbers_from("-n", o.n_gen, 0, kMostTokens));
  const auto depths = GANNET_TRY(numbers_from("-d", o.n_depth, 0, kMostTokens));
  const auto ubatches = GANNET_TRY(numbers_from("-ub", o.n_ubatch, 1, kMostUbatch));
  const auto threads = GANNET_TRY(numbers_from("-t", o.n_threads, 0, kMostThreads));
  const auto types_k = GANNET_TRY(types_from("-ctk", o.type_k));
  // A ladder has rungs of its own.
  const std::vector<bool> graphs = o.ladder ? std::vector{false} : GANNET_TRY(graphs_from(o.graphs));
  const auto types_v = GANNET_TRY(types_from("-ctv", o.type_v));
  const auto parallel = GANNET_TRY(numbers_from("--spec-parallel", o.spec_parallel, 1, kMostParallel));
  if (!o.spec_prompts.empty() && (!o.pairs.empty() || std::ranges::count(depths, 0) != std::ssize(depths)))
    return Error(ErrorCode::kUsage, "--spec-prompts: its prompts are all that is read; leave out -pg and -d");
  if (std::ranges::count(graphs, true) > 0 && std::ranges::count(parallel, 1) != std::ssize(parallel))
    return Error(ErrorCode::kUsage, "--spec-parallel: the naive graph takes one sequence at a time");
  std::vector<std::pair<int64_t, int64_t>> work;
  for (int64_t n : prompts)
    if (n > 0 && o.spec_prompts.empty()) work.emplace_back(n, 0);
  for (int64_t n : gens)
    if (n > 0) work.emplace_back(0, n);
  for (const auto& [p, n] : GANNET_TRY(parse_bench_pairs("-pg", o.pairs))) {
    if (p > kMostTokens || n > kMostTokens)
      return Error(ErrorCode::kUsage, fmt::format("-pg {},{}: must be from 0 to {}", p, n, kMostTokens));
    if (p > 0 || n > 0) work.emplace_back(p, n);
  }
  if (work.empty())
    return Error(ErrorCode::kUsage, "nothing to measure; give -p, -n or -pg a number above 0");

  std::vector<BenchMode> modes = GANNET_TRY(bench_modes(o));
  if (modes.empty()) modes.push_back({});  // no decoder
  std::vector<BenchTest> tests;
  for (size_t model = 0; model < n_models; ++model)
    for (int64_t n_ubatch : ubatches)
      for (DType k : types_k)
        for (DType v : types_v)
          for (int64_t n_threads : threads)
            for (int64_t n_depth : depths)
              for (const auto& [n_prompt, n_gen] : work)
                for (int64_t n_parallel : parallel)
                  for (bool naive : graphs)
                    for (const BenchMode& mode : modes) {
                      const int64_t batch = o.model.batch_size,
                                    rows = batch > 0 ? std::min(batch, n_ubatch) : n_ubatch;
                      tests.push_back(
                          {.model = model,
                           .n_prompt = n_prompt,
                           .n_gen = n_gen,
                           .n_depth = n_depth,
                           .n_ubatch = rows,
                           .n_threads = n_threads == 0 ? default_threads : static_cast<int>(n_threads),
                           .k_type = k,
                           .v_type = v,
                           .naive = naive,
                           .spec = mode.name,
                           .speculation = mode.options,
                           .text_file = o.spec_text,
                           .prompts_file = o.spec_prompts,
                           .temperature = static_cast<float>(o.temperature),
                           .seed = static_cast<uint64_t>(o.seed),
                           .n_parallel = n_parallel});
                      if (tests.size() > kMaxBenchValues)
                        return Error(ErrorCode::kUsage,
                                     fmt::format("more than {} tests; sweep fewer values", kMaxBenchValues));
                    }
  return tests;
}

}  // namespace gannet
