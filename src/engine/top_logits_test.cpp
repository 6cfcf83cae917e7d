// The likeliest tokens found on the device: answers come out as with whole rows, and few bytes cross.
#include <gtest/gtest.h>

#include "backend/testing/guarded_device.h"
#include "engine/answers_for_test.h"

namespace gannet {
namespace {

constexpr int64_t kTop = 64, kPairBytes = 8;

SessionOptions on_device(int64_t n_top,
                         std::shared_ptr<GuardedDevice> device = std::make_shared<GuardedDevice>()) {
  SessionOptions o;
  o.device = std::move(device);
  o.top_logits = n_top;
  return o;
}

SamplingParams params(float temperature, int top_k) {
  SamplingParams p;
  p.seed = 11;
  p.temperature = temperature;
  p.top_k = top_k;
  return p;
}

// Allows two of three tokens, and at every seventh place a single one; nothing is said in front of the sixth.
class Fussy : public TokenConstraint {
 public:
  explicit Fussy(int32_t n_vocab) : n_vocab_(n_vocab), mask_(static_cast<size_t>(n_vocab + 63) / 64) {}
  Result<std::span<const uint64_t>> allowed() override {
    if (n_ < 5) return std::span<const uint64_t>();
    std::ranges::fill(mask_, 0);
    for (TokenId t = 0; t < n_vocab_; ++t)
      if (n_ % 7 == 6 ? t == 300 : (t + n_) % 3 != 0)
        mask_[static_cast<size_t>(t) / 64] |= uint64_t{1} << (t % 64);
    return std::span<const uint64_t>(mask_);
  }
  void accept(TokenId) override { ++n_; }

 private:
  int32_t n_vocab_;
  TokenId n_ = 0;
  std::vector<uint64_t> mask_;
};

struct Kind {
  SamplingParams params;
  bool constrained = false, log_probs = false, post_sampling = false;
};

// Requests that share rounds.
std::vector<std::vector<Kind>> kinds() {
  SamplingParams penalties = params(1, 20), hot = params(2, 30);
  penalties.presence_penalty = 1.5f;
  penalties.repeat_penalty = 1.1f;
  penalties.dry_multiplier = 0.8f;
  hot.min_p = 0;
  return {{{params(0, 40)}, {params(0.8f, 40)}, {params(0.8f, 0)}, {penalties}},
          {{params(0, 40), true}, {hot, true}, {params(0.8f, 40), false, true}, {hot, false, true, true}}};
}

TEST(TopLogits, AnswersAreThoseOfWholeRows) {
  for (const SpeculationOptions& speculation :
       {no_drafts(), drafts_by(SourceKind::kMtp), drafts_by(SourceKind::kMtp, Verification::kRejection),
        drafts_by(SourceKind::kNgramSimple)}) {
    int64_t n_right = 0;
    const auto plain = session_for_answers(on_device(0), speculation),
               by_top = session_for_answers(on_device(kTop), speculation);
    for (const std::vector<Kind>& together : kinds()) {
      SCOPED_TRACE(speculation.sources.empty() ? "no drafts" : source_name(speculation.sources[0]));
      std::vector<std::unique_ptr<Fussy>> constraints;
      AnswersWanted wanted{
          speculation, {}, 16, 20, 30, [&](AnswerRequest& request, size_t i) {
            if (together[i].constrained) {
              constraints.push_back(std::make_unique<Fussy>(tokenizer().vocabulary().size()));
              request.constraint = constraints.back().get();
            }
            request.n_log_probs = together[i].log_probs ? 3 : 0;
            request.post_sampling = together[i].post_sampling;
          }};
      for (const Kind& kind : together) wanted.params.push_back(kind.params);
      const Answers expected = answers(*plain, wanted);
      EXPECT_EQ(answers(*by_top, wanted), expected);
      for (size_t i = 1; i < expected.drafts.size(); i += 2) n_right += expected.drafts[i];
    }
    if (!speculation.sources.empty()) {
      EXPECT_GT(n_right, 10) << source_name(speculation.sources[0]);
    }
  }
}

// Where the head lies on the CPU its rows are the host's.
TEST(TopLogits, OfSplitModels) {
  for (const int64_t layers : {0, 2}) {
    std::vector<Answers> got;
    std::vector<int64_t> bytes;
    for (const int64_t n_top : {int64_t{0}, kTop}) {
      const auto device = std::make_shared<GuardedDevice>();
      SessionOptions options = on_device(n_top, device);
      options.placement.layers = layers;
      const auto session = session_for_answers(options, no_drafts());
      const int64_t before = device->downloaded_bytes();
      AnswersWanted wanted;
      wanted.params = {params(0, 40), params(0.8f, 40)};
      wanted.n_predict = 6;
      got.push_back(answers(*session, wanted));
      bytes.push_back(device->downloaded_bytes() - before);
    }
    EXPECT_EQ(got[1], got[0]) << layers;
    const int64_t row = int64_t{pocket()->hyperparameters().n_vocab} * int64_t{sizeof(float)};
    EXPECT_EQ(bytes[0] - bytes[1], layers == 0 ? 0 : 12 * (row - kTop * kPairBytes)) << layers;
  }
}

// Bytes that cross to the host.
TEST(TopLogits, OnlyTheLikeliestCross) {
  const int64_t row = int64_t{pocket()->hyperparameters().n_vocab} * int64_t{sizeof(float)},
                top = kTop * kPairBytes;
  const SamplingParams usual = params(0.8f, 40), whole = params(0.8f, 0), greedy = params(0, 40);
  std::shared_ptr<GuardedDevice> device;
  std::unique_ptr<Session> session;
  const auto open = [&](int64_t n_top, const SpeculationOptions& speculation) {
    device = std::make_shared<GuardedDevice>();
    session = session_for_answers(on_device(n_top, device), speculation);
  };
  const auto bytes = [&](const AnswersWanted& wanted) {
    const int64_t before = device->downloaded_bytes();
    const Answers a = answers(*session, wanted);
    for (size_t i = 0; i < a.texts.size(); ++i)
      EXPECT_EQ(a.texts[i].size(),
                wanted.n_prompt + wanted.n_more * i + static_cast<size_t>(wanted.n_predict));
    return device->downloaded_bytes() - before;
  };
  const auto off = [](const SamplingParams& p) { return AnswersWanted{.params = {p}, .n_predict = 10}; };
  open(0, no_drafts());
  EXPECT_EQ(bytes(off(usual)), 10 * row);
  open(kTop, no_drafts());
  EXPECT_EQ(bytes(off(usual)), 10 * top);
  EXPECT_EQ(bytes(off(greedy)), 10 * top);
  EXPECT_EQ(bytes(off(whole)), 10 * row);
  // In company: the likeliest of both rows, and the row of who wants it. Prompts are read one by one.
  EXPECT_EQ(bytes({.params = {greedy, whole}, .n_predict = 10}), top + row + 9 * (2 * top + row));
  // A ban in the middle of the answer: what the likeliest do not decide is read.
  struct Never : TokenConstraint {
    std::vector<uint64_t> mask;
    int n = 0;
    Result<std::span<const uint64_t>> allowed() override {
      return n == 4 ? std::span<const uint64_t>(mask) : std::span<const uint64_t>();
    }
    void accept(TokenId) override { ++n; }
  } never;
  never.mask.assign(static_cast<size_t>(tokenizer().vocabulary().size() + 63) / 64, 0);
  never.mask[0] = 2;
  AnswersWanted masked = off(greedy);
  masked.prepare = [&](AnswerRequest& request, size_t) { request.constraint = &never; };
  EXPECT_EQ(bytes(masked), 10 * top + row);
  // Drafts by the model's own block, and their verification.
  AnswersWanted drafted = off(greedy);
  drafted.speculation = drafts_by(SourceKind::kMtp);
  open(0, drafted.speculation);
  const int64_t all = bytes(drafted);
  open(kTop, drafted.speculation);
  const int64_t few = bytes(drafted);
  EXPECT_EQ(few % top, 0);
  EXPECT_LE(few, all * top / row);
}

}  // namespace
}  // namespace gannet
