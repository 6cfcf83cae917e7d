#include "cli/bench_report.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace gannet {

std::string BenchRecord::test_name() const {
  std::string name;
  if (n_prompt > 0) name = fmt::format("pp{}", n_prompt);
  if (n_gen > 0) name += fmt::format("{}tg{}", name.empty() ? "" : "+", n_gen);
  if (n_depth > 0) name += fmt::format(" @ d{}", n_depth);
  if (n_parallel > 1) name += fmt::format(" x{}", n_parallel);
  if (!answers.empty()) name = fmt::format("{} answers {}", answers[0].size(), name);
  return name;
}

std::vector<double> BenchRecord::samples_ts() const {
  std::vector<double> rates;
  for (size_t i = 0; i < samples_ns.size(); ++i) {
    const int64_t tokens = i < samples_tokens.size() ? samples_tokens[i] : n_parallel * (n_prompt + n_gen);
    rates.push_back(1e9 * static_cast<double>(tokens) /
                    static_cast<double>(std::max<int64_t>(1, samples_ns[i])));
  }
  return rates;
}

double BenchRecord::bandwidth_share() const {
  if (bytes_per_token == 0 || read_bandwidth == 0) return 0;
  return static_cast<double>(bytes_per_token) * bench_statistics(samples_ts()).mean / read_bandwidth;
}

double BenchRecord::tokens_per_round() const {
  return drafts.rounds == 0 ? 0 : static_cast<double>(drafts.tokens) / static_cast<double>(drafts.rounds);
}

double BenchRecord::tflops() const {
  if (flops == 0) return 0;
  const double tests_per_second = bench_statistics(samples_ts()).mean / static_cast<double>(n_prompt + n_gen);
  return static_cast<double>(flops) * tests_per_second * 1e-12;
}

BenchStatistics bench_statistics(const std::vector<double>& samples) {
  if (samples.empty()) return {};
  const auto n = static_cast<double>(samples.size());
  double sum = 0, squares = 0;
  for (double x : samples) sum += x;
  const double mean = sum / n;
  for (double x : samples) squares += (x - mean) * (x - mean);
  return {mean, samples.size() == 1 ? 0 : std::sqrt(squares / (n - 1))};
}

double bench_median(std::vector<double> samples) {
  if (samples.empty()) return 0;
  std::ranges::sort(samples);
  const size_t n = samples.size();
  return n % 2 == 1 ? samples[n / 2] : (samples[n / 2 - 1] + samples[n / 2]) / 2;
}

std::vector<BenchField> bench_fields(const BenchRecord& r) {
  const std::vector<double> rates = r.samples_ts();
  const BenchStatistics ns = bench_statistics(std::vector<double>(r.samples_ns.begin(), r.samples_ns.end()));
  const BenchStatistics ts = bench_statistics(rates);
  const auto text = [](const char* value) { return BenchValue(std::string(value)); };
  const auto number = [](int64_t value) { return BenchValue(value); };
  return {
      {"build_commit", r.build_commit},
      {"build_number", number(0)},
      {"cpu_info", r.cpu_info},
      {"gpu_info", text("")},
      {"backends", text(r.device == "cpu" ? "CPU" : "Vulkan")},
      {"model_filename", r.model_filename},
      {"model_type", r.model_type},
      {"model_size", r.model_size},
      {"model_n_params", r.model_n_params},
      {"n_batch", r.n_ubatch},
      {"n_ubatch", r.n_ubatch},
      {"n_threads", r.n_threads},
      {"cpu_mask", r.cpu_mask},
      {"cpu_strict", false},
      {"poll", number(0)},
      {"type_k", r.type_k},
      {"type_v", r.type_v},
      {"n_gpu_layers", r.n_gpu_layers},
      {"n_cpu_moe", r.n_cpu_moe},
      {"split_mode", text("none")},
      {"main_gpu", number(0)},
      {"no_kv_offload", false},
      {"flash_attn", number(1)},
      {"devices", r.device == "cpu" ? std::string("none") : r.device},
      {"tensor_split", text("0.00")},
      {"tensor_buft_overrides", text("none")},
      {"load_mode", r.load_mode},
      {"lazy_mode", text("off")},
      {"embeddings", false},
      {"no_op_offload", number(0)},
      {"no_host", false},
      {"fit_target", number(0)},
      {"fit_min_ctx", number(0)},
      {"n_prompt", r.n_prompt},
      {"n_gen", r.n_gen},
      {"n_depth", r.n_depth},
      {"test_time", r.test_time},
      {"avg_ns", number(std::llround(ns.mean))},
      {"stddev_ns", number(std::llround(ns.deviation))},
      {"avg_ts", ts.mean},
      {"stddev_ts", ts.deviation},
      {"isa", r.isa},
      {"bytes_per_token", r.bytes_per_token},
      {"read_bandwidth", r.read_bandwidth},
      {"bandwidth_share", r.bandwidth_share()},
      {"tflops", r.tflops()},
      {"graph", r.graph},
      {"passes", r.passes},
      {"huge_page_share", r.huge_page_share},
      {"spec", r.spec},
      {"spec_text", r.spec_text},
      {"spec_synth_rates", r.spec_synth_rates},
      {"drafted", r.drafts.drafted},
      {"verified", r.drafts.verified},
      {"accepted", r.drafts.accepted},
      {"tokens_per_round", r.tokens_per_round()},
      {"n_parallel", r.n_parallel},
      {"spec_prompts", r.spec_prompts},
      {"n_answers", number(r.answers.empty() ? 0 : std::ssize(r.answers[0]))},
      {"temperature", r.temperature},
      {"seed", r.seed},
      {"same_text", r.same_text},
      {"ratio_to_off", r.ratio_to_off},
  };
}

}  // namespace gannet
