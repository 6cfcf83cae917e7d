#include "cli/bench_runner.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include <fmt/format.h>

#include "base/philox.h"
#include "cli/interrupt.h"
#include "cli/model_options.h"
#include "cli/profile.h"
#include "cli/progress.h"

namespace gannet {
namespace {

constexpr uint64_t kTokenKey = 0x62656e6368;

bool same_session(const BenchTest& a, const BenchTest& b) {
  return a.model == b.model && a.n_ubatch == b.n_ubatch && a.n_threads == b.n_threads &&
         a.k_type == b.k_type && a.v_type == b.v_type && a.naive == b.naive && a.first_n == b.first_n;
}

Error stopped() {
  return Error(ErrorCode::kInterrupted, "stopped while measuring");
}

}  // namespace

bool same_work(const BenchTest& a, const BenchTest& b) {
  return a.n_prompt == b.n_prompt && a.n_gen == b.n_gen && a.n_depth == b.n_depth &&
         a.n_ubatch == b.n_ubatch && a.n_threads == b.n_threads && a.k_type == b.k_type &&
         a.v_type == b.v_type;
}

std::vector<std::vector<size_t>> tests_by_work(const std::vector<BenchTest>& tests) {
  std::vector<std::vector<size_t>> groups;
  for (size_t i = 0; i < tests.size(); ++i) {
    const auto group = std::ranges::find_if(
        groups, [&](const std::vector<size_t>& g) { return same_work(tests[g[0]], tests[i]); });
    if (group == groups.end())
      groups.push_back({i});
    else
      group->push_back(i);
  }
  return groups;
}

BenchRunner::BenchRunner(std::vector<std::shared_ptr<const Model>> models, SessionOptions base,
                         std::vector<BenchTest> tests, bool keep_sessions)
    : models_(std::move(models)),
      base_(std::move(base)),
      tests_(std::move(tests)),
      keep_sessions_(keep_sessions) {}

Result<BenchRunner::Bench*> BenchRunner::bench_for(const BenchTest& test) {
  for (const auto& bench : benches_)
    if (same_session(bench->test, test)) return bench.get();
  if (!keep_sessions_) benches_.clear();
  SessionOptions options = base_;
  options.n_ubatch = test.n_ubatch;
  options.n_threads = options.n_threads_batch = test.n_threads;
  options.k_type = test.k_type;
  options.v_type = test.v_type;
  options.graph.naive = test.naive;
  options.graph.passes.first_n = test.first_n;
  options.n_ctx = 1;
  for (const BenchTest& t : tests_)
    if (same_session(t, test)) options.n_ctx = std::max(options.n_ctx, t.n_depth + t.n_prompt + t.n_gen);
  // Sessions that take turns share their threads: those of the others would wait spinning for a while.
  for (const auto& other : benches_)
    if (other->test.n_threads == test.n_threads) options.team = other->session->shared_team();
  auto bench = std::make_unique<Bench>();
  bench->test = test;
  auto session = create_session(models_[test.model], options);
  if (!session.ok()) return session.take_error().with_context("-p, -n and -d");
  bench->session = session.take();
  bench->sequence = std::make_unique<SequenceState>(bench->session->new_sequence());
  benches_.push_back(std::move(bench));
  return benches_.back().get();
}

Result<void> BenchRunner::check() {
  for (const BenchTest& test : tests_) GANNET_TRY(bench_for(test));
  return {};
}

std::vector<int32_t> BenchRunner::random_tokens(const Bench& bench, int64_t n) {
  const uint64_t n_vocab = bench.session->model().hyperparameters().n_vocab;
  std::vector<int32_t> tokens(static_cast<size_t>(n));
  for (int32_t& token : tokens)
    token = static_cast<int32_t>(philox4x32(kTokenKey, 0, n_drawn_++)[0] * n_vocab >> 32);
  return tokens;
}

Result<void> BenchRunner::read_prompt(Bench& bench, int64_t n, const char* progress) {
  const std::vector<int32_t> tokens = random_tokens(bench, n);
  std::optional<ProgressBar> bar;
  if (progress != nullptr) bar.emplace(progress);
  GANNET_TRY(bench.session->prefill(*bench.sequence, tokens, [&](size_t done) {
    if (bar) bar->update(done, tokens.size(), "tokens");
    return !interrupted();
  }));
  return {};
}

Result<void> BenchRunner::generate(Bench& bench, int64_t n) {
  for (const int32_t token : random_tokens(bench, n)) {
    GANNET_TRY(bench.session->forward(*bench.sequence, std::span(&token, 1), LogitRows::kLast));
    if (interrupted()) return stopped();
  }
  return {};
}

Result<void> BenchRunner::rewind(Bench& bench, const BenchTest& test) {
  const auto it = bench.depths.find(test.n_depth);
  if (it != bench.depths.end()) {
    bench.sequence->rollback(it->second);
    return {};
  }
  bench.sequence->clear();
  if (test.n_depth == 0) return {};
  if (!keep_sessions_) bench.depths.clear();
  GANNET_TRY(read_prompt(bench, test.n_depth, "filling the context"));
  bench.depths.emplace(test.n_depth, bench.sequence->snapshot());
  return {};
}

Result<void> BenchRunner::warm_up(const BenchTest& test) {
  Bench* bench = GANNET_TRY(bench_for(test));
  GANNET_TRY(rewind(*bench, test));
  if (test.n_prompt > 0) GANNET_TRY(read_prompt(*bench, test.n_prompt, "warming up"));
  if (test.n_gen > 0) GANNET_TRY(generate(*bench, 1));
  // Plans of the naive graph serve a stretch of positions each; making those of later positions is no part of
  // generating.
  for (int64_t at = 0; at < test.n_gen; ++at)
    GANNET_TRY(
        bench->session->plan({{1, LogitRows::kLast, false}, false, test.n_depth + test.n_prompt + at}));
  return {};
}

Result<int64_t> BenchRunner::run(const BenchTest& test) {
  Bench* bench = GANNET_TRY(bench_for(test));
  GANNET_TRY(rewind(*bench, test));
  if (interrupted()) return stopped();
  // While another session had its turn, this one's threads fell asleep.
  bench->session->team().run([](Worker&) {});
  const auto started = std::chrono::steady_clock::now();
  if (test.n_prompt > 0) GANNET_TRY(read_prompt(*bench, test.n_prompt, nullptr));
  if (test.n_gen > 0) GANNET_TRY(generate(*bench, test.n_gen));
  const auto took = std::chrono::steady_clock::now() - started;
  return int64_t{std::chrono::duration_cast<std::chrono::nanoseconds>(took).count()};
}

Result<std::vector<Session::Profile>> BenchRunner::profile(const BenchTest& test) {
  Bench* bench = GANNET_TRY(bench_for(test));
  GANNET_TRY(rewind(*bench, test));
  const auto before = bench->session->profiles();
  bench->session->set_profiling(true);
  if (test.n_prompt > 0) GANNET_TRY(read_prompt(*bench, test.n_prompt, nullptr));
  if (test.n_gen > 0) GANNET_TRY(generate(*bench, test.n_gen));
  bench->session->set_profiling(false);
  return profiles_since(before, bench->session->profiles());
}

Result<Graph> BenchRunner::leanest_graph(const BenchTest& test, const GraphShape& shape) const {
  return std::move(GANNET_TRY(make_graph(*models_[test.model], {shape}, {})).graph);
}

Result<int64_t> BenchRunner::bytes_per_token(const BenchTest& test) const {
  const Graph graph = GANNET_TRY(leanest_graph(test, {1, LogitRows::kLast, false}));
  const int64_t mean_position = test.n_depth + (test.n_gen + 1) / 2;
  const Cost work = graph_cost(graph, {mean_position, test.k_type, test.v_type});
  return work.weight_bytes + work.state_bytes;
}

Result<int64_t> BenchRunner::prompt_flops(const BenchTest& test) const {
  int64_t flops = 0;
  Graph graph;
  for (int64_t at = 0; at < test.n_prompt; at += test.n_ubatch) {
    const int64_t n = std::min(test.n_ubatch, test.n_prompt - at);
    const bool last = at + n == test.n_prompt;
    if (at == 0 || last)  // the pieces between are as the first
      graph = GANNET_TRY(leanest_graph(test, {n, last ? LogitRows::kLast : LogitRows::kNone, false}));
    flops += graph_cost(graph, {test.n_depth + at, test.k_type, test.v_type}).flops;
  }
  return flops;
}

}  // namespace gannet
