// Microbenchmark of every kernel this machine can run on the model-sized cases (OpCase::bench). Names are
// op/case/kernel/threads (and /permuted for operands whose axes lie in another order), so --benchmark_filter
// picks. Counters: GB/s of the bytes that must move and GFLOP/s, both from OpDef::cost. Where one execution
// does little with its weights, copies are used in turn, so that they come from memory as in a model and not
// from a cache.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>

#include <fmt/core.h>

#include "backend/cpu/isa.h"
#include "ops/case_run.h"
#include "ops/catalogue.h"

namespace gannet {
namespace {

constexpr int64_t kColdBytes = int64_t{192} << 20;

bool takes_any_stride(const OpCase& op_case) {
  for (size_t i = 0; i < op_case.operands.size(); ++i)
    if (op_case.operands[i].strided && operand_def(*op_case.op, i).access == Access::kAny) return true;
  return false;
}

void run(benchmark::State& state, const OpCase& op_case, const KernelInfo* kernel, int n_threads,
         const RunOptions& layout) {
  const CaseData data = make_case_data(op_case);
  const Cost cost = op_case.op->cost(data.site());
  const int64_t bytes = cost.weight_bytes + cost.activation_bytes + cost.state_bytes;
  const int64_t read = cost.weight_bytes + cost.state_bytes;
  int64_t copies = 1;
  if (read > 0 && cost.flops / read < 32) copies = std::max<int64_t>(1, kColdBytes / read);
  std::vector<std::unique_ptr<CaseRun>> runs;
  for (int64_t i = 0; i < copies; ++i) runs.push_back(std::make_unique<CaseRun>(data, layout));
  ThreadTeam team(n_threads);
  GuardedBuffer workspace(kernel->workspace == nullptr ? 0 : kernel->workspace(data.site(), n_threads));
  size_t next = 0;
  for (auto _ : state) {
    const CaseRun& memory = *runs[next];
    const KernelArgs args{memory.operands().data(), memory.results().data(), op_case.attrs.raw.data(),
                          workspace.data(), static_cast<int>(memory.operands().size())};
    team.run([&](Worker& worker) { kernel->run(args, worker); });
    next = (next + 1) % runs.size();
  }
  const auto rate = benchmark::Counter::kIsIterationInvariantRate;
  state.counters["GB/s"] = benchmark::Counter(1e-9 * static_cast<double>(bytes), rate);
  state.counters["GFLOP/s"] = benchmark::Counter(1e-9 * static_cast<double>(cost.flops), rate);
}

}  // namespace
}  // namespace gannet

int main(int argc, char** argv) {
  using namespace gannet;
  const auto isas = machine_isas();
  std::vector<int> threads{1};
  if (ThreadTeam::physical_cores() > 1) threads.push_back(ThreadTeam::physical_cores());
  static const std::vector<OpCase> cases = all_cases();
  for (const OpCase& c : cases) {
    if (!c.bench) continue;
    std::vector<TensorType> operands;
    for (const CaseOperand& operand : c.operands) operands.push_back(operand.type);
    OpSite site{operands.data(), static_cast<int>(operands.size()), nullptr, 0, c.attrs.raw.data()};
    const std::vector<TensorType> results = c.op->infer(site).take();
    site.results = results.data();
    site.n_results = static_cast<int>(results.size());
    for (const KernelInfo* kernel : all_kernels().kernels()) {
      if (std::string(kernel->op) != c.op->name ||
          std::find(isas.begin(), isas.end(), kernel->isa) == isas.end())
        continue;
      if (kernel->refuses != nullptr && kernel->refuses(site) != nullptr) continue;
      for (int n : threads)
        for (const bool permuted : {false, true}) {
          if (permuted && !takes_any_stride(c)) continue;
          benchmark::RegisterBenchmark(
              fmt::format("{}/{}/{}/{}{}", c.op->name, c.name, kernel->name, n, permuted ? "/permuted" : "")
                  .c_str(),
              [&c, kernel, n, permuted](benchmark::State& state) {
                run(state, c, kernel, n, {.permuted = permuted});
              })
              ->UseRealTime()
              ->Unit(benchmark::kMicrosecond);
        }
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
