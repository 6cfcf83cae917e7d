// A bench test as users meet it: the engine's decoder reads prompts and says answers, drafting or not, for
// one text or for several at once. An answer is a given text, or what the model says. Every run begins with
// new drafters, so that none has seen the answer before; what steps cost is known from the runs before, and
// of prompts how often drafts were right.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "cli/bench_test.h"
#include "engine/decoder.h"
#include "engine/drafters.h"
#include "text/tokenizer.h"

namespace gannet {

class BenchDecoder {
 public:
  // `session` fits the test (fit_session) and outlives this, as does the vocabulary. `n_streams`: most texts
  // at once. `draft`: the model that drafts, if there is one; then drafters live on, since plans would
  // be made anew. `sampling`: of answers to prompts; other runs take the likeliest tokens and never end
  // early.
  static Result<std::unique_ptr<BenchDecoder>> create(Session& session, const Vocabulary& vocabulary,
                                                      const SpeculationOptions& options, int n_streams,
                                                      const SamplingParams& sampling,
                                                      const DraftModel& draft);

  // Context that run() needs, in tokens.
  static int64_t context(const BenchTest& test);
  // Tokens of a text that run() reads and says.
  static int64_t text_length(const BenchTest& test);

  // `texts`: BenchTest::n_parallel of them, which are read and then, where `scripted`, said; each has at
  // least text_length() tokens. Errors: of the decoder; kInterrupted after Ctrl-C.
  Result<BenchRun> run(const BenchTest& test, std::span<const std::span<const TokenId>> texts, bool scripted);

  // Answers all prompts, BenchTest::n_parallel at once: whose answer ends goes on with the next prompt. The
  // answers are in the order of the prompts and have tokens and times only. Only rounds are timed. Errors: as
  // run().
  Result<BenchRun> answer(const BenchTest& test, std::span<const std::vector<TokenId>> prompts);

 private:
  class Streams;
  struct Saying;
  BenchDecoder(Session& session, const Vocabulary& vocabulary, const SpeculationOptions& options,
               int n_streams, Sampler sampler, Sampler endless);
  Result<void> begin(const DraftModel& draft);
  Result<int64_t> say(Streams& streams, const BenchTest& test,
                      std::span<const std::span<const TokenId>> texts, bool scripted);
  Result<void> finish(std::span<Stream* const> streams, std::span<Saying> sayings);
  Result<int64_t> answer_all(Streams& streams, const BenchTest& test,
                             std::span<const std::vector<TokenId>> prompts,
                             std::vector<BenchAnswer>& answers);
  // The run between `before` and now, over which the decoder may have failed.
  Result<BenchRun> outcome(const Result<int64_t>& nanoseconds, const BenchDrafts& before);
  BenchDrafts counts() const;

  Session& session_;
  const Vocabulary& vocabulary_;
  SpeculationOptions options_;
  int n_streams_;
  Sampler sampler_, endless_;
  bool keeps_drafters_ = false;
  CostTable costs_;
  AcceptanceTable acceptance_;
  std::unique_ptr<Decoder> decoder_;
};

}  // namespace gannet
