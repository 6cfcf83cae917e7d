// Time to choose one token out of 248,320 logits (1 MB).
#include <benchmark/benchmark.h>

#include <random>

#include "sample/sampler.h"

namespace gannet {
namespace {

constexpr int32_t kVocab = 248320;

void run(benchmark::State& state, const SamplingParams& params) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> logits(kVocab);
  for (float& x : logits) x = normal(random);
  std::vector<TokenId> history(2000);
  for (TokenId& id : history) id = static_cast<TokenId>(random() % kVocab);
  auto sampler = Sampler::create(params, kVocab).take();
  uint64_t position = 0;
  for (auto _ : state) benchmark::DoNotOptimize(sampler.sample(logits, position++, history));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * logits.size() * sizeof(float)));
}

SamplingParams greedy() {
  SamplingParams p;
  p.temperature = 0;
  return p;
}
SamplingParams with_penalties() {
  SamplingParams p;
  p.repeat_penalty = 1.1f;
  return p;
}
SamplingParams without_top_k() {
  SamplingParams p;
  p.top_k = 0;
  return p;
}
SamplingParams everything() {
  SamplingParams p = without_top_k();
  p.top_p = 1;
  p.min_p = 0;
  return p;
}

BENCHMARK_CAPTURE(run, greedy, greedy())->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(run, defaults, SamplingParams())->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(run, penalties, with_penalties())->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(run, top_p_without_top_k, without_top_k())->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(run, whole_vocabulary, everything())->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace gannet

BENCHMARK_MAIN();
