// Drafts of the MTP block of the pocket model, in a small loop of drafting and verifying.
#include <gtest/gtest.h>

#include "backend/testing/guarded_device.h"
#include "engine/made_model_for_test.h"
#include "engine/mtp_drafter.h"
#include "engine/texts_for_test.h"

namespace gannet {
namespace {

struct MtpTexts : Texts {
  MtpDrafter* mtp = nullptr;

  MtpTexts(int n, SessionOptions options, SamplingParams with = greedy(),
           const std::shared_ptr<const Model>& model = pocket())
      : Texts(n, with_mtp(std::move(options)), with, model) {
    use(MtpDrafter::create(*session, {.n_slots = n}).take());
  }
  void use(std::unique_ptr<MtpDrafter> other) {
    mtp = other.get();
    drafter = std::move(other);
    for (size_t i = 0; i < texts.size(); ++i) mtp->attach(static_cast<int>(i), &texts[i].sequence);
  }
  static SessionOptions with_mtp(SessionOptions options) {
    options.mtp = true;
    return options;
  }

  // What the block says about a text when everything that waits was read, which depends on all its K and V.
  std::vector<float> block_logits(int slot) {
    Text& t = texts[static_cast<size_t>(slot)];
    DraftRequest r;
    r.slot = slot;
    r.history = t.history;
    r.n_most = 1;
    r.sampling = &params;
    EXPECT_TRUE(drafter->draft({&r, 1}).ok());
    EXPECT_EQ(r.tokens.size(), 1u);
    const StatePart part = StatePart::kMtp;
    const int32_t zero = session->carried_row(static_cast<int32_t>(session->options().carried_rows) - 1);
    const StepPiece piece{&t.sequence, {&t.history.back(), 1}, LogitRows::kLast, false, {&zero, 1}};
    const StepResult result = session->step(part, {&piece, 1}).take();
    const float* logits = result.logits_row(0);
    std::vector<float> all(logits, logits + result.logits.shape.last());
    t.sequence.cancel(part);
    return all;
  }
};

SessionOptions exact(int64_t n_ubatch = 512) {
  SessionOptions o;
  o.exact = true;
  o.n_ubatch = n_ubatch;
  return o;
}

TEST(MtpDrafter, DraftsDoNotDependOnHowThePromptWasCut) {
  const auto prompt = std::span(long_text()).first(203);
  std::vector<std::vector<TokenId>> expected;
  std::vector<float> logits;
  for (const int64_t n_ubatch : {512, 7, 2, 1}) {
    MtpTexts t(1, exact(n_ubatch));
    t.read(0, prompt);
    t.write(40, 3);
    if (expected.empty()) {
      expected = t.texts[0].drafts;
      logits = t.block_logits(0);
    }
    EXPECT_EQ(t.texts[0].drafts, expected) << n_ubatch;
    EXPECT_TRUE(same_bits(t.block_logits(0), logits)) << n_ubatch;
  }
}

// With any drafts, or none, the text and what the block remembers of it come out the same to the bit; in
// company, too. Prompts of many rows are not exact here: they are the same in all runs.
TEST(MtpDrafter, LeavesNoTrace) {
  const std::vector<std::vector<TokenId>> prompts = {
      ids("define harbor"), ids("In the beginning"), {long_text().begin(), long_text().begin() + 180}};
  SamplingParams warm;
  warm.temperature = 0.8f;
  warm.repeat_penalty = 1.1f;
  for (const SamplingParams& params : {Texts::greedy(), warm}) {
    std::vector<std::vector<TokenId>> plain;
    std::vector<std::vector<float>> logits;
    for (const int n_draft : {0, 1, 3, 7}) {
      MtpTexts t(3, {}, params);
      for (int i = 0; i < 3; ++i) t.read(i, prompts[static_cast<size_t>(i)]);
      t.write(70, n_draft);
      for (int i = 0; i < 3; ++i) {
        const auto& text = t.texts[static_cast<size_t>(i)];
        ASSERT_EQ(text.history.size(), text.n_prompt + 70);
        if (n_draft == 0) {
          plain.push_back(text.history);
          logits.push_back(t.block_logits(i));
        }
        EXPECT_EQ(text.history, plain[static_cast<size_t>(i)]) << n_draft;
        EXPECT_TRUE(same_bits(t.block_logits(i), logits[static_cast<size_t>(i)])) << n_draft << " " << i;
      }
    }
  }
}

// The same of every family, with random weights: their drafts are mostly wrong.
TEST(MtpDrafter, LeavesNoTraceInAnyFamily) {
  for (const Architecture arch :
       {Architecture::kQwen3Next, Architecture::kQwen35, Architecture::kQwen35Moe}) {
    const MadeModel made(arch, "Q4_K_M", true);
    std::vector<TokenId> prompt, plain;
    for (int32_t i = 0; i < 50; ++i) prompt.push_back(i * 37 % 997);
    std::vector<float> logits;
    for (const int n_draft : {0, 1, 6}) {
      MtpTexts t(1, {}, Texts::greedy(), made.model);
      t.read(0, prompt);
      t.write(30, n_draft);
      if (n_draft == 0) {
        plain = t.texts[0].history;
        logits = t.block_logits(0);
      }
      EXPECT_EQ(t.texts[0].history, plain) << n_draft;
      EXPECT_TRUE(same_bits(t.block_logits(0), logits)) << n_draft;
    }
  }
}

// A text that grows by turns is remembered like one that was read at once.
TEST(MtpDrafter, Turns) {
  for (const int n_draft : {0, 3}) {
    MtpTexts t(1, exact()), once(1, exact());
    t.read(0, std::span(long_text()).first(90));
    for (const size_t more : {1, 50, 5}) {
      t.write(33, n_draft);
      std::vector<TokenId> text = t.texts[0].history;
      const size_t n_kept = text.size();
      text.insert(text.end(), long_text().begin() + 200,
                  long_text().begin() + 200 + static_cast<int64_t>(more));
      t.read(0, text, n_kept);
    }
    once.read(0, std::span(t.texts[0].history).first(t.texts[0].history.size() - 1));
    EXPECT_EQ(once.texts[0].history, t.texts[0].history);
    EXPECT_TRUE(same_bits(t.block_logits(0), once.block_logits(0))) << n_draft;
  }
}

// The target goes back to an earlier point, and on with other tokens.
TEST(MtpDrafter, GoesBack) {
  for (const size_t written : {10, 60}) {
    MtpTexts t(1, exact()), fresh(1, exact());
    Texts::Text& text = t.texts[0];
    t.read(0, std::span(long_text()).first(90));
    const StateSnapshot before = text.sequence.snapshot();
    t.write(written, 3);
    text.sequence.rollback(before);
    std::vector<TokenId> other(long_text().begin(), long_text().begin() + 90);
    other.insert(other.end(), long_text().begin() + 300, long_text().begin() + 320);
    t.read(0, other, 90);
    fresh.read(0, other);
    // The hidden row of the last token in common is still there, or the row that wants it is left out.
    const int64_t lost = written == 10 ? 0 : 1;
    const StatePart part = StatePart::kMtp;
    EXPECT_EQ(same_bits(t.block_logits(0), fresh.block_logits(0)), lost == 0);
    EXPECT_EQ(text.sequence.length(part), fresh.texts[0].sequence.length(part) - lost);
    t.write(40, 3);
    fresh.write(40, 3);
    EXPECT_EQ(text.history, fresh.texts[0].history);
    EXPECT_GT(text.right, text.tested / 2);
    // A new text in the same slot.
    text.sequence.clear();
    t.read(0, ids("define harbor"));
    MtpTexts anew(1, exact());
    anew.read(0, ids("define harbor"));
    EXPECT_TRUE(same_bits(t.block_logits(0), anew.block_logits(0)));
  }
}

TEST(MtpDrafter, AsksAfterEveryToken) {
  MtpTexts t(2, {});
  t.read(0, ids("define harbor"));
  t.read(1, ids("In the beginning"));
  std::vector<DraftRequest> requests(2);
  std::vector<float> asked;
  for (int i = 0; i < 2; ++i) {
    requests[static_cast<size_t>(i)].slot = i;
    requests[static_cast<size_t>(i)].history = t.texts[static_cast<size_t>(i)].history;
    requests[static_cast<size_t>(i)].n_most = 5;
    requests[static_cast<size_t>(i)].sampling = &t.params;
  }
  requests[1].another = [&](float confidence) {
    asked.push_back(confidence);
    return asked.size() < 3;
  };
  ASSERT_TRUE(t.drafter->draft(requests).ok());
  EXPECT_EQ(requests[0].tokens.size(), 5u);
  ASSERT_EQ(requests[1].tokens.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(asked[i], requests[1].tokens[i].confidence);
}

TEST(MtpDrafter, StopsWhereTheContextEnds) {
  SessionOptions options;
  options.n_ctx = 40;
  MtpTexts t(1, options);
  t.read(0, std::span(long_text()).first(36));
  DraftRequest r;
  r.history = t.texts[0].history;
  r.n_most = 10;
  r.sampling = &t.params;
  ASSERT_TRUE(t.drafter->draft({&r, 1}).ok());
  EXPECT_GE(r.tokens.size(), 3u);  // as many as the target could run
  EXPECT_LT(r.tokens.size(), 10u);
  t.write(4, 2);
}

TEST(MtpDrafter, NoPlanIsMadeWhileTokensAre) {
  MtpTexts t(3, {});
  t.session->plan_ahead(t.session->most_rows(), true);
  t.session->wait_for_plans();
  for (int i = 0; i < 3; ++i)
    t.read(i, std::span(long_text()).subspan(static_cast<size_t>(i), static_cast<size_t>(30 + 70 * i)), 0,
           20);
  t.write(30, 4);
  t.write(80, 0);
  t.write(90, 4);
  EXPECT_EQ(t.session->plans_waited_for(), 0);
}

// Where the front of a prompt has no hidden rows, drafts are as if the text began behind it.
TEST(MtpDrafter, ReadsTheEndOfAPrompt) {
  const auto prompt = std::span(long_text()).first(200);
  for (const int64_t n_hidden : {150, 20, 1}) {
    MtpTexts t(1, {});
    t.read(0, prompt, 0, n_hidden);
    EXPECT_EQ(t.mtp->waiting(0), n_hidden > 32 ? 1 : n_hidden);
    t.write(40, 2);
    EXPECT_GT(t.texts[0].right, t.texts[0].tested / 2) << n_hidden;
    // A row for each token whose predecessor was seen, but for those that wait.
    const auto seen = static_cast<int64_t>(t.texts[0].history.size()) - 1 - (200 - n_hidden);
    EXPECT_EQ(t.texts[0].sequence.length(StatePart::kMtp) + t.mtp->waiting(0), seen) << n_hidden;
  }
}

// That a drafter wants hidden rows must not be seen in what the target says.
TEST(MtpDrafter, ThePromptComesOutAsWithoutIt) {
  for (const size_t n : {40u, 65u, 100u, 300u, 600u}) {
    std::vector<std::vector<float>> logits;
    for (const int64_t n_hidden : {0, 8, 32}) {
      const bool with_block = n_hidden > 0;
      SessionOptions options;
      options.n_threads = 1;
      options.mtp = with_block;
      const auto session = Session::create(pocket(), options).take();
      SequenceState sequence = session->new_sequence();
      const auto text = std::span(long_text()).first(n);
      for (size_t at = 0; at < n;) {
        const size_t piece_size = std::min<size_t>(512, n - at);
        const bool last = at + piece_size == n;
        StepPiece piece{&sequence,
                        text.subspan(at, piece_size),
                        last ? LogitRows::kLast : LogitRows::kNone,
                        static_cast<int64_t>(piece_size) > options.open_rows,
                        {}};
        piece.n_hidden = with_block && last ? n_hidden : 0;
        const StepResult result = session->step(StatePart::kTrunk, {&piece, 1}, piece.n_hidden > 0).take();
        if (last) {
          const float* row = result.logits_row(0);
          logits.emplace_back(row, row + result.logits.shape.last());
        }
        sequence.commit(StatePart::kTrunk, static_cast<int64_t>(piece_size));
        at += piece_size;
      }
    }
    EXPECT_TRUE(same_bits(logits[0], logits[1])) << n;
    EXPECT_TRUE(same_bits(logits[0], logits[2])) << n;
  }
}

// A small head makes other drafts at most: of its own tokens, those of the text among them.
TEST(MtpDrafter, WithASmallHead) {
  const auto prompt = std::span(long_text()).first(150);
  MtpTexts plain(1, {}), t(1, {});
  plain.read(0, prompt);
  plain.write(60, 2);
  EXPECT_EQ(plain.mtp->draft_head(), nullptr);  // the vocabulary was not told
  t.use(MtpDrafter::create(*t.session, {.draft_head = 1024, .vocabulary = &tokenizer().vocabulary()}).take());
  ASSERT_NE(t.mtp->draft_head(), nullptr);
  t.read(0, prompt);
  t.write(60, 2);
  EXPECT_EQ(t.texts[0].history, plain.texts[0].history);
  EXPECT_GT(t.texts[0].right, plain.texts[0].right / 2);
  for (size_t i = 140; i < 150; ++i)
    EXPECT_GE(t.mtp->draft_head()->rows()[static_cast<size_t>(prompt[i])], 0);
  // Not worth it where the vocabulary is small.
  const auto none = MtpDrafter::create(*plain.session, {.vocabulary = &tokenizer().vocabulary()}).take();
  EXPECT_EQ(none->draft_head(), nullptr);
}

// Hidden rows, and rows of the small head, never pass through memory of the host.
TEST(MtpDrafter, OnADeviceThatTheHostCannotTouch) {
  std::vector<std::vector<TokenId>> drafts;
  for (const bool guarded : {false, true}) {
    SessionOptions options;
    if (guarded) options.device = std::make_shared<GuardedDevice>();
    MtpTexts t(1, options);
    t.use(
        MtpDrafter::create(*t.session, {.draft_head = 1024, .vocabulary = &tokenizer().vocabulary()}).take());
    t.read(0, std::span(long_text()).first(70));
    t.write(30, 3);
    if (!guarded) drafts = t.texts[0].drafts;
    EXPECT_EQ(t.texts[0].drafts, drafts);
  }
}

TEST(MtpDrafter, IsOftenRight) {
  int tested = 0, right = 0;
  for (const char* prompt : {"define harbor", "use candle in a sentence", "river in json", "In the beginning",
                             "def main():\n", "And it came to pass"}) {
    MtpTexts t(1, {});
    t.read(0, ids(prompt));
    t.write(100, 1);
    tested += t.texts[0].tested;
    right += t.texts[0].right;
  }
  EXPECT_GT(right, tested * 3 / 4);
}

}  // namespace
}  // namespace gannet
