// Runs bench tests on loaded models: sessions, depth, warm-up, the timed part. Tokenising and sampling are
// left out; tokens are random, and the context is cleared (or taken back to the test's depth) before every
// run. Tests with --spec go through the engine's decoder (cli/bench_decoder.h), the sampler included.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/bench_decoder.h"
#include "cli/bench_test.h"
#include "cli/bench_text.h"
#include "engine/session.h"

namespace gannet {

// Whether the tests do the same work, on whatever model and graph, speculating or not.
bool same_work(const BenchTest& a, const BenchTest& b);

// Indices of tests that do the same work, in order of their first.
std::vector<std::vector<size_t>> tests_by_work(const std::vector<BenchTest>& tests);

class BenchRunner {
 public:
  // `base` gives what no test sweeps: processors, kernels, passes that are off. With `keep_sessions` all
  // sessions stay alive, for tests that take turns; without, a session ends when a test needs another one.
  // `draft_model`: for tests with draft-simple; may be null.
  BenchRunner(std::vector<std::shared_ptr<const Model>> models, SessionOptions base,
              std::vector<BenchTest> tests, bool keep_sessions,
              std::shared_ptr<const Model> draft_model = nullptr);

  const std::vector<BenchTest>& tests() const { return tests_; }

  // Whether every test's settings make a session, so that a bad one shows up before anything is measured.
  Result<void> check();

  // One untimed run: plans get built, memory gets touched. Generation stops after one token, unless the test
  // has --spec, which learns what steps cost. Of prompts the first of each kind are answered.
  Result<void> warm_up(const BenchTest& test);

  // One run. Errors: of the session; kInterrupted after Ctrl-C.
  Result<BenchRun> run(const BenchTest& test);

  // One more run with every step timed, which makes it slower.
  Result<std::vector<Session::Profile>> profile(const BenchTest& test);

  // Bytes that must move per generated token: active weights, recurrent state, and the KV cache of the mean
  // position. Neither this nor prompt_flops() depends on the graph that the test runs: a graph that does more
  // than it must is not to look busier for it.
  Result<int64_t> bytes_per_token(const BenchTest& test) const;

  // Operations of reading the prompt, attention to the depth included.
  Result<int64_t> prompt_flops(const BenchTest& test) const;

  // Ends all sessions; they start again when needed.
  void release() { benches_.clear(); }

 private:
  struct Bench {     // a session and where its tests start from
    BenchTest test;  // the one it was made for
    std::unique_ptr<Session> session;
    std::unique_ptr<SequenceState> sequence;
    std::map<int64_t, StateSnapshot> depths;
    std::unique_ptr<BenchDecoder> decoder;  // of tests with --spec
  };

  Result<Bench*> bench_for(const BenchTest& test);
  Result<std::unique_ptr<BenchDecoder>> decoder_for(Session& session, const BenchTest& test);
  // Errors: kUsage for a text that is too short for the test.
  Result<const BenchText*> text_for(const BenchTest& test);
  // Context that the decoder of this test needs.
  Result<int64_t> context_for(const BenchTest& test);
  Result<BenchRun> run_decoder(Bench& bench, const BenchTest& test);
  // `few`: not all prompts are answered.
  Result<BenchRun> run_prompts(Bench& bench, const BenchTest& test, bool few);
  Result<void> rewind(Bench& bench, const BenchTest& test);
  // `progress` names a bar on stderr; null where time is taken.
  Result<void> read_prompt(Bench& bench, int64_t n, const char* progress);
  Result<void> generate(Bench& bench, int64_t n);
  // After all passes, whatever the test runs: attention fused, so it serves every length of context.
  Result<Graph> leanest_graph(const BenchTest& test, const GraphShape& shape) const;
  std::vector<int32_t> random_tokens(const Session& session, int64_t n);

  std::vector<std::shared_ptr<const Model>> models_;
  SessionOptions base_;
  std::vector<BenchTest> tests_;
  bool keep_sessions_;
  std::shared_ptr<const Model> draft_model_;
  std::map<size_t, BenchText> texts_;  // by model, of tests with --spec
  std::vector<std::unique_ptr<Bench>> benches_;
  uint64_t n_drawn_ = 0;  // random tokens so far
};

}  // namespace gannet
