// Drafts of a second model: its state after any mixture of right and wrong drafts, and whose vocabulary fits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/made_model_for_test.h"
#include "engine/model_drafter.h"
#include "engine/texts_for_test.h"
#include "text/vocabulary_for_test.h"

namespace gannet {
namespace {

struct ModelTexts : Texts {
  ModelDrafter* drafting = nullptr;

  ModelTexts(int n, const std::shared_ptr<const Model>& target, const std::shared_ptr<const Model>& draft,
             SamplingParams with = greedy(), SessionOptions options = {})
      : Texts(n, for_target(), with, target) {
    options.n_threads = 1;
    auto made = ModelDrafter::create(draft, options, {.n_slots = n}).take();
    drafting = made.get();
    drafter = std::move(made);
  }

  static SessionOptions for_target() {
    SessionOptions options;
    options.open_rows = ModelDrafter::kMost + 1;
    return options;
  }

  // The whole distribution that the draft model has for the next token of a text.
  std::vector<float> next(int slot) {
    SamplingParams open;
    open.temperature = 1;
    open.top_k = 0;
    open.top_p = 1;
    open.min_p = 0;
    DraftRequest r;
    r.slot = slot;
    r.history = texts[static_cast<size_t>(slot)].history;
    r.n_most = 1;
    r.sampling = &open;
    r.choice = DraftChoice::kDrawn;
    EXPECT_TRUE(drafter->draft({&r, 1}).ok());
    std::vector<float> all;
    if (r.tokens.size() == 1)
      for (const Candidate& c : r.tokens[0].candidates) all.push_back(c.logit);
    return all;
  }
};

std::vector<TokenId> some_prompt(int n) {
  std::vector<TokenId> prompt;
  for (int32_t i = 0; i < n; ++i) prompt.push_back(i * 37 % 997);
  return prompt;
}

// A model that drafts for itself is never wrong, whatever the sampling.
TEST(ModelDrafter, TheSameModelIsAlwaysRight) {
  SamplingParams warm;
  warm.temperature = 0.9f;
  warm.repeat_penalty = 1.2f;
  for (const SamplingParams& params : {Texts::greedy(), warm}) {
    ModelTexts t(2, pocket(), pocket(), params);
    t.read(0, ids("define harbor"));
    t.read(1, std::span(long_text()).first(60));
    t.write(49, 3);
    for (const Texts::Text& text : t.texts) {
      EXPECT_EQ(text.right, text.tested);
      EXPECT_EQ(text.drafts.size(), 12u);  // one token was there; 48 more in rounds of 4
    }
  }
}

// Draft models of all families. They would always be right; chosen at another temperature their drafts are so
// only now and then. Nothing is copied on the way, and the draft model's state is that of one that read the
// text.
TEST(ModelDrafter, LeavesNoTrace) {
  const auto prompt = some_prompt(50);
  SamplingParams warm;
  warm.temperature = 0.3f;
  for (const Architecture arch : {Architecture::kQwen3, Architecture::kQwen3Moe, Architecture::kQwen3Next,
                                  Architecture::kQwen35, Architecture::kQwen35Moe}) {
    const MadeModel made(arch);
    std::vector<TokenId> plain;
    std::vector<float> logits;
    for (const int n_draft : {0, 1, 5, 16}) {
      ModelTexts t(1, made.model, made.model);
      t.drafting_params = &warm;
      t.read(0, prompt);
      t.write(40, n_draft);
      Texts::Text& text = t.texts[0];
      EXPECT_EQ(t.drafting->session().pool().counters().bytes_copied, 0);
      if (n_draft > 0) {
        EXPECT_GT(text.right, 0);
        EXPECT_LT(text.right, text.tested);
      }
      const auto seen = t.next(0);
      EXPECT_FALSE(seen.empty());
      if (n_draft == 0) {
        plain = text.history;
        logits = seen;
      }
      EXPECT_EQ(text.history, plain) << n_draft;
      EXPECT_TRUE(same_bits(seen, logits)) << n_draft;
    }
  }
}

TEST(ModelDrafter, TurnsAndGoingBack) {
  const MadeModel made(Architecture::kQwen35);
  SessionOptions exact;
  exact.exact = true;
  SamplingParams warm;
  warm.temperature = 0.3f;
  ModelTexts t(1, made.model, made.model, Texts::greedy(), exact);
  t.drafting_params = &warm;
  const auto expect_as_fresh = [&] {
    ModelTexts fresh(1, made.model, made.model, Texts::greedy(), exact);
    fresh.texts[0].history = t.texts[0].history;
    ASSERT_TRUE(fresh.drafter->begin(0, fresh.texts[0].history, 0).ok());
    EXPECT_TRUE(same_bits(t.next(0), fresh.next(0)));
  };
  t.read(0, some_prompt(40));
  t.write(20, 4);
  const StateSnapshot before = t.texts[0].sequence.snapshot();
  std::vector<TokenId> text = t.texts[0].history;
  const size_t n_before = text.size();
  text.push_back(7);
  text.push_back(8);
  t.read(0, text, n_before);
  t.write(30, 4);
  expect_as_fresh();
  // The same again but for the last turn, which is further back than the draft model's state goes.
  const size_t held = t.drafting->held(0);
  for (const auto& other : std::vector<std::vector<TokenId>>{{9, 10, 11}, {12, 13}}) {
    t.texts[0].sequence.rollback(before);
    text.resize(n_before);
    text.insert(text.end(), other.begin(), other.end());
    t.read(0, text, n_before);
    EXPECT_GE(t.drafting->held(0), 40u) << "all was forgotten";
    EXPECT_LT(t.drafting->held(0), held);
    t.write(10, 4);
    expect_as_fresh();
  }
  t.texts[0].sequence.clear();
  t.read(0, some_prompt(12));
  expect_as_fresh();
  t.drafter->end(0);
  EXPECT_EQ(t.drafting->held(0), 0u);
}

TEST(ModelDrafter, WhereItCannotGoOnItDraftsNothing) {
  const MadeModel small(Architecture::kQwen35, "F32");
  const auto n_vocab = static_cast<TokenId>(small.model->hyperparameters().n_vocab);
  {
    ModelTexts t(1, pocket(), small.model);
    t.texts[0].history = {5, n_vocab};  // a token that it does not have
    ASSERT_TRUE(t.drafter->begin(0, t.texts[0].history, 0).ok());
    EXPECT_TRUE(t.next(0).empty());
    t.texts[0].history = {5, n_vocab - 1};
    EXPECT_FALSE(t.next(0).empty());
  }
  SessionOptions options;
  options.n_ctx = 45;
  ModelTexts t(1, small.model, small.model, Texts::greedy(), options);
  t.read(0, some_prompt(40));
  t.write(20, 3);
  EXPECT_GT(t.texts[0].tested, 0);
  EXPECT_TRUE(t.texts[0].drafts.back().empty());
}

TEST(ModelDrafter, NoPlanIsMadeWhileTokensAre) {
  ModelTexts t(3, pocket(), pocket());
  t.drafting->session().plan_ahead(t.drafting->session().most_rows());
  t.drafting->session().wait_for_plans();
  for (int i = 0; i < 3; ++i)
    t.read(i, std::span(long_text()).subspan(static_cast<size_t>(i), static_cast<size_t>(30 + 70 * i)));
  t.write(20, 4);
  t.write(80, 0);
  t.write(90, 4);
  EXPECT_EQ(t.drafting->session().plans_waited_for(), 0);
}

std::string problem(const VocabularyForTest& target, const VocabularyForTest& draft) {
  const Tokenizer a = target.build().take(), b = draft.build().take();
  const auto fits = check_draft_vocabulary(a.vocabulary(), b.vocabulary());
  return fits.ok() ? "" : fits.error().message();
}

TEST(DraftVocabularyCheck, NamesTheDifference) {
  using testing::HasSubstr;
  VocabularyForTest target = VocabularyForTest::with_bytes();
  const TokenId begin = target.add("<begin>", TokenType::kControl);
  target.add("word");
  EXPECT_EQ(problem(target, target), "");

  VocabularyForTest other = target;
  for (int i = 0; i < 128; ++i) other.add("[PAD" + std::to_string(i) + "]", TokenType::kUnused);
  EXPECT_EQ(problem(target, other), "");
  EXPECT_EQ(problem(other, target), "");
  other.add("one more");
  EXPECT_THAT(problem(target, other), HasSubstr("it has 387 tokens, not 258"));

  other = target;
  other.tokens[257] = "Wort";
  EXPECT_THAT(problem(target, other), HasSubstr("token 257 is Wort, not word"));
  other = target;
  std::swap(other.tokens[2], other.tokens[3]);  // the first few may have other names
  EXPECT_EQ(problem(target, other), "");
  std::swap(other.tokens[5], other.tokens[6]);
  EXPECT_THAT(problem(target, other), HasSubstr("token 5 is"));

  other = target;
  other.extra.special_id(SpecialToken::kBos) = begin;
  EXPECT_EQ(problem(target, other), "");  // not added to texts
  other.extra.add_bos = true;
  EXPECT_THAT(problem(target, other), HasSubstr("beginning"));
  target.extra.special_id(SpecialToken::kBos) = begin + 1;
  target.extra.add_bos = true;
  EXPECT_THAT(problem(target, other), HasSubstr("the token of beginning is 256, not 257"));
}

}  // namespace
}  // namespace gannet
