#include "cli/chat_session.h"

#include <gtest/gtest.h>

#include "cli/decoding.h"
#include "engine/vocabulary_from_gguf.h"

namespace gannet {
namespace {

// The pocket model's; what is said and answered goes to stdout.
struct ChatSessionTest : testing::Test {
  std::shared_ptr<const Model> model = Model::load_embedded(pocket_model(), kPocketModelName).take();
  Tokenizer tokenizer = tokenizer_from_gguf(model->file()).take();
  ModelOptions flags;
  SpeculationFlags speculation;
  SamplingOptions sampling;

  void SetUp() override {
    setenv("GANNET_PROFILES", "", 1);
    flags.device = "cpu";
    sampling.seed = 5;
  }
  Decoding decoding() { return make_decoding(model, flags, speculation, tokenizer.vocabulary()).take(); }
  // Three answers, the last to a repeated question; behind the first one the session may be lost.
  std::string talk(bool raw, bool lost) {
    std::optional<Decoding> using_now = decoding();
    ChatOptions options;
    options.raw = raw;
    options.n_predict = 12;
    const auto chat =
        ChatSession::create(options, sampling, {}, *using_now->session, *using_now->decoder, tokenizer)
            .take();
    testing::internal::CaptureStdout();
    EXPECT_TRUE(chat->say("define harbor").ok());
    if (lost) {
      chat->stop_using();
      using_now.reset();
      using_now = decoding();
      EXPECT_TRUE(chat->use(*using_now->session, *using_now->decoder).ok());
    }
    EXPECT_TRUE(chat->say("and a ship").ok());
    EXPECT_TRUE(chat->again().ok());
    return testing::internal::GetCapturedStdout();
  }
};

TEST_F(ChatSessionTest, GoesOnWithAnotherSession) {
  for (const bool raw : {false, true}) {
    const std::string whole = talk(raw, false);
    EXPECT_GT(whole.size(), 20u);
    EXPECT_EQ(talk(raw, true), whole);
  }
}

}  // namespace
}  // namespace gannet
