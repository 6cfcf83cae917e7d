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
#include "cli/sampling_options.h"
#include "cli/speculation_options.h"
#include "engine/drafters.h"

namespace gannet {
namespace {

constexpr uint64_t kTokenKey = 0x62656e6368;

bool same_session(const BenchTest& a, const BenchTest& b) {
  return a.model == b.model && a.n_ubatch == b.n_ubatch && a.n_threads == b.n_threads &&
         a.k_type == b.k_type && a.v_type == b.v_type && a.naive == b.naive && a.first_n == b.first_n &&
         a.spec == b.spec;
}

}  // namespace

bool same_work(const BenchTest& a, const BenchTest& b) {
  return a.n_prompt == b.n_prompt && a.n_gen == b.n_gen && a.n_depth == b.n_depth &&
         a.n_ubatch == b.n_ubatch && a.n_threads == b.n_threads && a.k_type == b.k_type &&
         a.v_type == b.v_type && a.text_file == b.text_file && a.prompts_file == b.prompts_file &&
         a.n_parallel == b.n_parallel;
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
                         std::vector<BenchTest> tests, bool keep_sessions,
                         std::shared_ptr<const Model> draft_model)
    : models_(std::move(models)),
      base_(std::move(base)),
      tests_(std::move(tests)),
      keep_sessions_(keep_sessions),
      draft_model_(std::move(draft_model)) {}

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
    if (same_session(t, test))
      options.n_ctx = std::max(
          options.n_ctx, t.spec.empty() ? t.n_depth + t.n_prompt + t.n_gen : GANNET_TRY(context_for(t)));
  if (test.speculates()) fit_session(options, test.speculation, models_[test.model]->hyperparameters());
  // Sessions that take turns share their threads: those of the others would wait spinning for a while.
  for (const auto& other : benches_)
    if (other->test.n_threads == test.n_threads) options.team = other->session->shared_team();
  auto bench = std::make_unique<Bench>();
  bench->test = test;
  auto session = create_session(models_[test.model], options);
  if (!session.ok()) return session.take_error().with_context("-p, -n and -d");
  bench->session = session.take();
  if (test.spec.empty())
    bench->sequence = std::make_unique<SequenceState>(bench->session->new_sequence());
  else
    bench->decoder = GANNET_TRY(decoder_for(*bench->session, test));
  benches_.push_back(std::move(bench));
  return benches_.back().get();
}

Result<const BenchText*> BenchRunner::text_for(const BenchTest& test) {
  auto known = texts_.find(test.model);
  if (known == texts_.end())
    known = texts_.emplace(test.model, GANNET_TRY(BenchText::load(*models_[test.model], test))).first;
  const BenchText& text = known->second;
  // Sequences begin at places of their own.
  const int64_t needed = BenchDecoder::text_length(test) + test.n_parallel - 1;
  if (!test.text_file.empty() && std::ssize(text.tokens) < needed)
    return Error(ErrorCode::kUsage,
                 fmt::format("--spec-text {}: has {} tokens, and a test needs {}; lower -p, -n or -d",
                             test.text_file, text.tokens.size(), needed));
  return &text;
}

Result<int64_t> BenchRunner::context_for(const BenchTest& test) {
  if (test.prompts_file.empty()) return BenchDecoder::context(test);
  const BenchText* text = GANNET_TRY(text_for(test));
  return text->longest_prompt() + test.n_gen + 1;
}

Result<std::unique_ptr<BenchDecoder>> BenchRunner::decoder_for(Session& session, const BenchTest& test) {
  const BenchText* text = GANNET_TRY(text_for(test));
  DraftModel draft;
  if (draft_model_ != nullptr && names_source(test.speculation, SourceKind::kDraftSimple)) {
    draft = {draft_model_, GANNET_TRY(draft_session_options({}, session.options()))};
    draft.session.team = session.shared_team();
  }
  int64_t most = 1;
  for (const BenchTest& t : tests_)
    if (same_session(t, test)) most = std::max(most, t.n_parallel);
  SamplingOptions sampling;
  sampling.temperature = test.temperature;
  sampling.seed = static_cast<int64_t>(test.seed);
  const SamplingParams params = GANNET_TRY(sampling_params(sampling, models_[test.model]->file()));
  return BenchDecoder::create(session, text->tokenizer.vocabulary(), test.speculation, static_cast<int>(most),
                              params, draft);
}

Result<BenchRun> BenchRunner::run_decoder(Bench& bench, const BenchTest& test) {
  if (!test.prompts_file.empty()) return run_prompts(bench, test, false);
  const int64_t length = BenchDecoder::text_length(test);
  const BenchText* text = GANNET_TRY(text_for(test));
  std::vector<std::vector<TokenId>> random;
  std::vector<std::span<const TokenId>> texts;
  for (int64_t i = 0; i < test.n_parallel; ++i) {
    if (test.text_file.empty()) {
      texts.emplace_back(random.emplace_back(random_tokens(*bench.session, length)));
    } else {
      const int64_t room = static_cast<int64_t>(text->tokens.size()) - length;
      texts.push_back(std::span(text->tokens).subspan(static_cast<size_t>(i * room / test.n_parallel)));
    }
  }
  return bench.decoder->run(test, texts, !test.text_file.empty());
}

Result<BenchRun> BenchRunner::run_prompts(Bench& bench, const BenchTest& test, bool few) {
  const BenchText* text = GANNET_TRY(text_for(test));
  if (few) return bench.decoder->answer(test, text->some_prompts(test.n_parallel));
  BenchRun run = GANNET_TRY(bench.decoder->answer(test, text->prompt_tokens));
  for (size_t i = 0; i < run.answers.size(); ++i) {
    BenchAnswer& answer = run.answers[i];
    answer.kind = text->prompts[i].kind;
    answer.name = text->prompts[i].name;
    answer.text = GANNET_TRY(text->tokenizer.decode(answer.tokens));
  }
  return run;
}

Result<void> BenchRunner::check() {
  for (const BenchTest& test : tests_) {
    GANNET_TRY(bench_for(test));
    if (!test.text_file.empty()) GANNET_TRY(text_for(test));
  }
  return {};
}

std::vector<int32_t> BenchRunner::random_tokens(const Session& session, int64_t n) {
  const uint64_t n_vocab = session.model().hyperparameters().n_vocab;
  std::vector<int32_t> tokens(static_cast<size_t>(n));
  for (int32_t& token : tokens)
    token = static_cast<int32_t>(philox4x32(kTokenKey, 0, n_drawn_++)[0] * n_vocab >> 32);
  return tokens;
}

Result<void> BenchRunner::read_prompt(Bench& bench, int64_t n, const char* progress) {
  const std::vector<int32_t> tokens = random_tokens(*bench.session, n);
  std::optional<ProgressBar> bar;
  if (progress != nullptr) bar.emplace(progress);
  GANNET_TRY(bench.session->prefill(*bench.sequence, tokens, [&](size_t done) {
    if (bar) bar->update(done, tokens.size(), "tokens");
    return !interrupted();
  }));
  return {};
}

Result<void> BenchRunner::generate(Bench& bench, int64_t n) {
  for (const int32_t token : random_tokens(*bench.session, n)) {
    GANNET_TRY(bench.session->forward(*bench.sequence, std::span(&token, 1), LogitRows::kLast));
    if (interrupted()) return stopped_measuring();
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
  if (bench->decoder != nullptr) {
    GANNET_TRY(test.prompts_file.empty() ? run_decoder(*bench, test) : run_prompts(*bench, test, true));
    return {};
  }
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

Result<BenchRun> BenchRunner::run(const BenchTest& test) {
  Bench* bench = GANNET_TRY(bench_for(test));
  if (bench->decoder != nullptr) return run_decoder(*bench, test);
  GANNET_TRY(rewind(*bench, test));
  if (interrupted()) return stopped_measuring();
  // While another session had its turn, this one's threads fell asleep.
  bench->session->team().run([](Worker&) {});
  const auto started = std::chrono::steady_clock::now();
  if (test.n_prompt > 0) GANNET_TRY(read_prompt(*bench, test.n_prompt, nullptr));
  if (test.n_gen > 0) GANNET_TRY(generate(*bench, test.n_gen));
  const auto took = std::chrono::steady_clock::now() - started;
  return BenchRun{.nanoseconds = int64_t{std::chrono::duration_cast<std::chrono::nanoseconds>(took).count()},
                  .tokens = test.n_prompt + test.n_gen};
}

Result<std::vector<Session::Profile>> BenchRunner::profile(const BenchTest& test) {
  Bench* bench = GANNET_TRY(bench_for(test));
  if (bench->decoder == nullptr) GANNET_TRY(rewind(*bench, test));
  const auto before = bench->session->profiles();
  bench->session->set_profiling(true);
  if (bench->decoder != nullptr) {
    GANNET_TRY(run_decoder(*bench, test));  // its depth is in the profile, too
  } else {
    if (test.n_prompt > 0) GANNET_TRY(read_prompt(*bench, test.n_prompt, nullptr));
    if (test.n_gen > 0) GANNET_TRY(generate(*bench, test.n_gen));
  }
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
