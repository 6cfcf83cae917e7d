// Prompts that are read while other texts go on: every text comes out as it does alone.
#include <gtest/gtest.h>

#include <random>

#include "engine/decoder.h"
#include "engine/drafters.h"
#include "engine/vocabulary_from_gguf.h"
#include "text/tokenizer.h"

namespace gannet {
namespace {

using Ids = std::vector<TokenId>;

struct MixedRounds : testing::Test {
  static constexpr int kStreams = 5;
  std::shared_ptr<const Model> model = Model::load("models/pocket.gguf", {}, nullptr).take();
  Tokenizer tokenizer = tokenizer_from_gguf(model->file()).take();
  std::unique_ptr<Session> session;
  std::unique_ptr<Decoder> decoder;
  Sampler sampler = [&] {
    SamplingParams params;
    params.seed = 7;
    return Sampler::create(params, tokenizer.vocabulary().size()).take();
  }();

  // `exact`: what a prompt gives does not depend on how it is cut.
  void use(SpeculationMode mode, bool exact = true) {
    SpeculationOptions speculation;
    speculation.mode = mode;
    SessionOptions options;
    options.n_ctx = 1024;
    options.n_threads = 1;
    options.exact = exact;
    fit_session(options, speculation, model->hyperparameters());
    decoder = nullptr;
    session = Session::create(model, options).take();
    auto drafters = make_drafters(*session, tokenizer.vocabulary(), speculation, kStreams).take();
    DecoderOptions decoding;
    decoding.speculation = speculation;
    decoder = std::make_unique<Decoder>(*session, tokenizer.vocabulary(), decoding, std::move(drafters));
  }

  static size_t n_predict(int i) { return static_cast<size_t>(10 + 17 * i % 60); }
  AnswerRequest request(int i, Ids& answer) {
    AnswerRequest r;
    r.sampler = &sampler;
    r.n_predict = static_cast<int64_t>(n_predict(i));
    r.on_token = [&answer](TokenId token) {
      answer.push_back(token);
      return true;
    };
    return r;
  }
  // Of 3 to 600 tokens.
  Ids prompt(int i) const {
    std::string text;
    std::mt19937 random(static_cast<unsigned>(i));
    static constexpr const char* kWords[] = {"define ",           "sea ", "harbor, ", "{\"a\": 1} ",
                                             "In the beginning ", "\n"};
    const Ids all = [&] {
      for (int k = 0; k < 400; ++k) text += kWords[random() % std::size(kWords)];
      return tokenizer.encode(text, {}).take();
    }();
    static constexpr size_t kSizes[] = {3, 40, 64, 65, 130, 300, 512, 513, 600};
    return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kSizes[static_cast<size_t>(i) % 9])};
  }
  Ids alone(int i) {
    Ids answer;
    Stream& stream = decoder->open();
    EXPECT_TRUE(decoder->start(stream, prompt(i), request(i, answer)).ok());
    Stream* one = &stream;
    while (stream.finished() == FinishReason::kNone) EXPECT_TRUE(decoder->round({&one, 1}).ok());
    decoder->close(stream);
    return answer;
  }
};

TEST_F(MixedRounds, TextsComeOutAsAlone) {
  constexpr int kRequests = 27;
  for (const SpeculationMode mode : {SpeculationMode::kOff, SpeculationMode::kAuto}) {
    std::vector<Ids> expected, answers(kRequests);
    use(SpeculationMode::kOff);
    for (int i = 0; i < kRequests; ++i) expected.push_back(alone(i));
    use(mode);
    std::mt19937 random(1);
    std::vector<Stream*> streams;
    int next = 0, mixed = 0;
    while (next < kRequests || !streams.empty()) {
      std::erase_if(streams, [&](Stream* s) {
        if (s->finished() == FinishReason::kNone) return false;
        EXPECT_FALSE(s->failure()) << s->failure()->message();
        decoder->close(*s);
        return true;
      });
      while (next < kRequests && std::ssize(streams) < kStreams && random() % 3 != 0) {
        Stream& stream = decoder->open();
        ASSERT_TRUE(
            decoder->begin(stream, prompt(next), request(next, answers[static_cast<size_t>(next)])).ok());
        EXPECT_GT(stream.n_unread(), 0u);
        streams.push_back(&stream);
        ++next;
      }
      std::vector<PromptPiece> prompts;
      bool decodes = false;
      for (Stream* s : streams)
        if (s->n_unread() > 0 && random() % 4 != 0)
          prompts.push_back({s, static_cast<int64_t>(1 + random() % 200)});
        else
          decodes = decodes || s->n_unread() == 0;
      mixed += decodes && !prompts.empty() ? 1 : 0;
      ASSERT_TRUE(decoder->round(streams, prompts).ok());
    }
    EXPECT_GT(mixed, 20);
    size_t n_tokens = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(answers[i], expected[i]) << i;
      n_tokens += answers[i].size();
    }
    EXPECT_GT(n_tokens, 400u);
    EXPECT_TRUE(decoder->warnings().empty());
  }
}

// Texts that go on do not depend on the prompts beside them, exact or not.
TEST_F(MixedRounds, ANewcomerChangesNothingForOthers) {
  use(SpeculationMode::kOff, false);
  const Ids expected = alone(4);
  Ids answer;
  Stream& stream = decoder->open();
  ASSERT_TRUE(decoder->start(stream, prompt(4), request(4, answer)).ok());
  Stream* streams[2] = {&stream, nullptr};
  for (int i = 0; stream.finished() == FinishReason::kNone; ++i) {
    Ids other;
    streams[1] = &decoder->open();
    ASSERT_TRUE(decoder->begin(*streams[1], prompt(8), request(0, other)).ok());
    while (streams[1]->n_unread() > 0 && stream.finished() == FinishReason::kNone) {
      const size_t before = stream.n_generated();
      const PromptPiece piece{streams[1], 100 + 50 * i};
      ASSERT_TRUE(decoder->round(streams, {&piece, 1}).ok());
      EXPECT_EQ(stream.n_generated(), before + 1);  // nobody waits for a newcomer
    }
    decoder->close(*streams[1]);
  }
  EXPECT_EQ(answer, expected);
  decoder->close(stream);
}

}  // namespace
}  // namespace gannet
