// Answers to a few prompts in the same rounds, and all that can be seen of how they came, for tests that
// compare ways to the same text.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "engine/decoder.h"
#include "engine/drafters.h"
#include "engine/texts_for_test.h"

namespace gannet {

struct Answers {
  std::vector<std::vector<TokenId>> texts;  // prompts included
  std::vector<float> log_probs;             // where asked for
  std::vector<int64_t> drafts;              // by source: drafted, right
  int64_t rounds = 0;

  bool operator==(const Answers&) const = default;
};

inline SpeculationOptions no_drafts() {
  SpeculationOptions o;
  o.mode = SpeculationMode::kOff;
  return o;
}
inline SpeculationOptions drafts_by(SourceKind kind, Verification verification = Verification::kSharedNoise) {
  SpeculationOptions o;
  o.mode = SpeculationMode::kFixed;
  o.force = true;
  o.sources = {kind};
  o.verification = verification;
  o.simple = {.size_n = 2, .size_m = 4, .min_hits = 1};
  return o;
}

struct AnswersWanted {
  SpeculationOptions speculation = no_drafts();
  std::vector<SamplingParams> params;  // by prompt
  int64_t n_predict = 24;
  size_t n_prompt = 20, n_more = 30;  // tokens of the first prompt, and by which each next one is longer
  std::function<void(AnswerRequest&, size_t)> prepare = {};  // what a request asks for besides
};

// The pocket model on the device of these options.
inline std::unique_ptr<Session> session_for_answers(SessionOptions options,
                                                    const SpeculationOptions& speculation) {
  options.n_threads = 1;
  options.n_ctx = 512;
  fit_session(options, speculation, pocket()->hyperparameters());
  auto session = Session::create(pocket(), options);
  EXPECT_TRUE(session.ok()) << session.error().message();
  return session.take();
}

inline Answers answers(Session& session, const AnswersWanted& wanted) {
  Answers all;
  const Vocabulary& vocabulary = tokenizer().vocabulary();
  const auto n = wanted.params.size();
  auto drafters = make_drafters(session, vocabulary, wanted.speculation, static_cast<int>(n)).take();
  Decoder decoder(session, vocabulary, {wanted.speculation, {}, {}}, std::move(drafters));
  std::vector<Sampler> samplers;
  std::vector<Stream*> streams;
  samplers.reserve(n);
  for (size_t i = 0; i < n; ++i) {
    samplers.push_back(Sampler::create(wanted.params[i], vocabulary.size()).take());
    AnswerRequest request;
    request.sampler = &samplers.back();
    request.n_predict = wanted.n_predict;
    request.on_token = [](TokenId) { return true; };
    if (wanted.prepare) wanted.prepare(request, i);
    if (request.n_log_probs > 0)
      request.on_log_probs = [&all](TokenId, const LogProbs& said) {
        all.log_probs.push_back(said.chosen);
        for (const TokenLogProb& t : said.top) all.log_probs.push_back(t.log_prob);
      };
    streams.push_back(&decoder.open());
    const std::span<const TokenId> prompt =
        std::span(long_text()).subspan(60 * i, wanted.n_prompt + wanted.n_more * i);
    const auto started = decoder.start(*streams.back(), prompt, std::move(request));
    EXPECT_TRUE(started.ok()) << started.error().message();
  }
  while (std::ranges::any_of(streams, [](const Stream* s) { return s->finished() == FinishReason::kNone; })) {
    const auto went = decoder.round(streams);
    EXPECT_TRUE(went.ok()) << went.error().message();
    if (!went.ok()) break;
  }
  for (const Stream* stream : streams) {
    EXPECT_FALSE(stream->failure());
    all.texts.emplace_back(stream->history().begin(), stream->history().end());
  }
  for (const SourceStatistics& s : decoder.statistics().sources()) {
    all.drafts.push_back(s.drafted);
    all.drafts.push_back(s.right);
  }
  all.rounds = decoder.statistics().rounds();
  return all;
}

}  // namespace gannet
