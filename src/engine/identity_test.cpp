// Speculation never changes the text: with every source, every draft length and every temperature the same
// tokens come as without, in company and alone, and what the model remembers afterwards is the same to the
// bit. A part of it runs by default; all of it with GANNET_ALL_IDENTITY set (./dev test all).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>

#include "engine/decoder.h"
#include "engine/drafters.h"
#include "engine/made_model_for_test.h"
#include "engine/speculation_prompts_for_test.h"
#include "engine/vocabulary_from_gguf.h"
#include "text/vocabulary_for_test.h"

namespace gannet {
namespace {

bool all_of_it() {
  return std::getenv("GANNET_ALL_IDENTITY") != nullptr;
}

using Ids = std::vector<TokenId>;

// A drafter of the test: says what a function makes of the text and of what really comes.
class ScriptedDrafter : public Drafter {
 public:
  using Says = std::function<Ids(std::span<const TokenId> history, std::span<const TokenId> coming, int n)>;
  ScriptedDrafter(Says says, const std::vector<Ids>& texts, bool looks_up = true)
      : says_(std::move(says)), texts_(texts) {
    info_.name = "scripted";
    info_.looks_up = looks_up;
    info_.most = 63;
  }
  const DrafterInfo& info() const override { return info_; }
  Result<void> begin(int, std::span<const TokenId>, size_t) override { return {}; }
  Result<void> ran(std::span<const TargetRows> rows) override {
    for (const TargetRows& r : rows) {
      EXPECT_LE(r.first + r.n, static_cast<int64_t>(r.history.size()));
      EXPECT_GT(r.n, 0);
    }
    return {};
  }
  Result<void> draft(std::span<DraftRequest> requests) override {
    for (DraftRequest& r : requests) {
      std::span<const TokenId> coming;
      for (const Ids& text : texts_)
        if (text.size() > r.history.size() &&
            std::ranges::equal(r.history, std::span(text).first(r.history.size())))
          coming = std::span(text).subspan(r.history.size());
      Ids said = says_(r.history, coming, r.n_most);
      said.resize(std::min(said.size(), static_cast<size_t>(r.n_most)));
      for (const TokenId id : said) r.tokens.push_back({id, 0.9f});
    }
    return {};
  }
  void verified(int, int n_verified, int n_right) override {
    EXPECT_GT(n_verified, 0);
    EXPECT_LE(n_right, n_verified);
  }
  void end(int) override {}

 private:
  Says says_;
  const std::vector<Ids>& texts_;
  DrafterInfo info_;
};

constexpr int64_t kContext = 512;

// A model with prompts, and sessions that are made once: plans stay with them.
struct Subject {
  std::shared_ptr<const Model> model;
  std::shared_ptr<const Tokenizer> tokenizer;
  std::vector<MadePrompt> prompts;
  mutable std::map<std::pair<bool, int64_t>, std::unique_ptr<Session>> sessions;  // by MTP and open rows

  const Vocabulary& vocabulary() const { return tokenizer->vocabulary(); }
  Session& session_for(const SpeculationOptions& speculation) const {
    SessionOptions options;
    options.n_ctx = kContext;
    options.n_threads = all_of_it() ? 1 : 2;  // all of it runs one part per processor
    fit_session(options, speculation, model->hyperparameters());
    std::unique_ptr<Session>& session = sessions[{options.mtp, options.open_rows}];
    if (session == nullptr) {
      auto made = Session::create(model, options);
      EXPECT_TRUE(made.ok()) << made.error().message();
      session = made.take();
    }
    return *session;
  }
};

struct Ran {
  std::vector<Ids> texts;  // prompt and answer of each stream
  std::vector<FinishReason> reasons;
  SpeculationStatistics statistics{{}};
};

// The answers to these prompts, `at_once` of them in the same rounds. Afterwards each text is asked for the
// rows that follow: whatever of the state were not as it should be would show there.
class Runner {
 public:
  Runner(const Subject& subject, SpeculationOptions options)
      : subject_(subject), options_(std::move(options)), session_(subject.session_for(options_)) {}

  Ran run(const std::vector<MadePrompt>& prompts, const SamplingParams& params, int64_t n_predict,
          size_t at_once = 1, std::unique_ptr<Drafter> scripted = nullptr) {
    std::vector<std::unique_ptr<Drafter>> drafters;
    if (scripted != nullptr) {
      drafters.push_back(std::move(scripted));
    } else {
      auto made = make_drafters(session_, subject_.vocabulary(), options_, static_cast<int>(at_once));
      EXPECT_TRUE(made.ok()) << made.error().message();
      drafters = made.take();
    }
    Decoder decoder(session_, subject_.vocabulary(), {options_, {}, {}}, std::move(drafters));
    Ran ran;
    for (size_t first = 0; first < prompts.size(); first += at_once) {
      std::vector<Stream*> streams;
      std::vector<Sampler> samplers;
      const size_t n = std::min(at_once, prompts.size() - first);
      samplers.reserve(n);
      for (size_t i = 0; i < n; ++i) {
        SamplingParams own = params;
        own.seed = params.seed + first + i;
        samplers.push_back(Sampler::create(own, subject_.vocabulary().size()).take());
        streams.push_back(&decoder.open());
        AnswerRequest request;
        request.sampler = &samplers.back();
        // They end at different times.
        request.n_predict = n_predict - static_cast<int64_t>(i);
        request.on_token = [](TokenId) { return true; };
        if (prepare) prepare(request);
        const auto started = decoder.start(*streams.back(), prompts[first + i].ids, std::move(request));
        EXPECT_TRUE(started.ok()) << started.error().message();
      }
      const auto goes_on = [](const Stream* s) { return s->finished() == FinishReason::kNone; };
      while (std::ranges::any_of(streams, goes_on)) {
        const auto went = decoder.round(streams);
        EXPECT_TRUE(went.ok()) << went.error().message();
        if (!went.ok()) break;
      }
      for (Stream* stream : streams) {
        EXPECT_FALSE(stream->failure());
        ran.texts.emplace_back(stream->history().begin(), stream->history().end());
        ran.reasons.push_back(stream->finished());
        // Every answer leaves its last token unread, and nothing more.
        EXPECT_EQ(stream->state().length() + 1, static_cast<int64_t>(stream->history().size()));
        append_probe(*stream);
      }
      for (Stream* stream : streams) decoder.close(*stream);
    }
    EXPECT_TRUE(decoder.warnings().empty()) << decoder.warnings().front();
    ran.statistics = decoder.statistics();
    return ran;
  }

  // Logits of the rows that follow each text, as bits.
  std::vector<std::vector<float>> probes;
  // What a request asks for besides.
  std::function<void(AnswerRequest&)> prepare;

 private:
  void append_probe(const Stream& stream) {
    auto& sequence = const_cast<SequenceState&>(stream.state());
    SequenceState fork = sequence.fork();
    const Ids next = {stream.history().back(), 1, 2};
    if (fork.length() + 3 > kContext) return;
    const auto rows = session_.forward(fork, next, LogitRows::kAll);
    ASSERT_TRUE(rows.ok()) << rows.error().message();
    const size_t n = static_cast<size_t>(rows->logits.shape.elements());
    probes.emplace_back(rows->logits.f32(0), rows->logits.f32(0) + n);
  }

  const Subject& subject_;
  SpeculationOptions options_;
  Session& session_;
};

SpeculationOptions off() {
  SpeculationOptions o;
  o.mode = SpeculationMode::kOff;
  return o;
}

SpeculationOptions fixed(SourceKind kind, int n) {
  SpeculationOptions o;
  o.mode = SpeculationMode::kFixed;
  o.force = true;
  o.sources = {kind};
  o.n_max = n;
  // Small keys, so that short texts have something to look up.
  for (NgramSizes* sizes : {&o.simple, &o.map_k, &o.map_k4v})
    *sizes = {.size_n = 2, .size_m = n, .min_hits = 1};
  o.mod_n_match = 2;
  o.mod_n_min = 1;
  o.mod_n_max = n;
  o.suffix_n_max = n;
  return o;
}

SamplingParams greedy() {
  SamplingParams params;
  params.temperature = 0;
  params.seed = 7;
  return params;
}

SamplingParams at(float temperature, bool penalties = false) {
  SamplingParams params;
  params.temperature = temperature;
  params.seed = 11;
  if (penalties) {
    params.repeat_penalty = 1.1f;
    params.presence_penalty = 0.2f;
    params.frequency_penalty = 0.1f;
    params.logit_bias = {{5, 2.0f}, {9, -4.0f}};
    params.top_k = 20;
    params.top_p = 0.9f;
    params.min_p = 0.02f;
  }
  return params;
}

// What comes without speculation; made once.
struct Plain {
  Ran ran;
  std::vector<std::vector<float>> probes;
};
const Plain& plain_of(const Subject& subject, const SamplingParams& params, int64_t n_predict,
                      size_t at_once = 1) {
  using Key = std::tuple<std::string, size_t, float, float, int64_t, size_t>;
  static std::map<Key, Plain> made;
  const Key key{subject.model->type_text(),
                subject.prompts.size(),
                params.temperature,
                params.repeat_penalty,
                n_predict,
                at_once};
  const auto found = made.find(key);
  if (found != made.end()) return found->second;
  Runner runner(subject, off());
  Plain plain;
  plain.ran = runner.run(subject.prompts, params, n_predict, at_once);
  plain.probes = std::move(runner.probes);
  return made.emplace(key, std::move(plain)).first->second;
}

void expect_same(const Ran& ran, const Runner& runner, const Plain& expected) {
  const Ran& plain = expected.ran;
  ASSERT_EQ(ran.texts.size(), plain.texts.size());
  for (size_t i = 0; i < ran.texts.size(); ++i) {
    EXPECT_EQ(ran.texts[i], plain.texts[i]) << "text " << i;
    EXPECT_EQ(ran.reasons[i], plain.reasons[i]) << "text " << i;
  }
  ASSERT_EQ(runner.probes.size(), expected.probes.size());
  for (size_t i = 0; i < runner.probes.size(); ++i)
    EXPECT_TRUE(runner.probes[i].size() == expected.probes[i].size() &&
                std::memcmp(runner.probes[i].data(), expected.probes[i].data(),
                            runner.probes[i].size() * sizeof(float)) == 0)
        << "state behind text " << i;
}

const Subject& pocket(size_t n_prompts) {
  static std::map<size_t, Subject> made;  // by number of prompts
  Subject& subject = made[n_prompts];
  if (subject.model != nullptr) return subject;
  subject.model = Model::load("models/pocket.gguf", {}, nullptr).take();
  subject.tokenizer = std::make_shared<Tokenizer>(tokenizer_from_gguf(subject.model->file()).take());
  subject.prompts = made_prompts(*subject.tokenizer, n_prompts);
  return subject;
}

constexpr SourceKind kAllKinds[] = {
    SourceKind::kNgramSimple, SourceKind::kNgramMapK, SourceKind::kNgramMapK4v, SourceKind::kNgramMod,
    SourceKind::kNgramCache,  SourceKind::kSuffix,    SourceKind::kMtp};

size_t n_prompts() {
  return all_of_it() ? kIdentityPrompts : 12;
}
int64_t n_predict() {
  return all_of_it() ? 200 : 40;
}

class IdentityPocket : public testing::TestWithParam<SourceKind> {};

TEST_P(IdentityPocket, SameTextAndState) {
  const Subject& subject = pocket(n_prompts());
  const std::vector<SamplingParams> samplings = {greedy(), at(0.3f), at(0.7f, true), at(1.0f), at(1.5f)};
  int64_t right = 0;
  const std::vector<int> lengths = GetParam() == SourceKind::kMtp ? std::vector<int>{1, 2, 3, 4, 7, 16}
                                                                  : std::vector<int>{1, 3, 8, 16, 63};
  size_t turn = 0;
  for (const SamplingParams& sampling : samplings) {
    const Plain& plain = plain_of(subject, sampling, n_predict());
    for (const int n : lengths) {
      // Each sampling with some of the lengths by default, with all of them in the whole test.
      if (!all_of_it() && turn++ % 2 == 1) continue;
      SCOPED_TRACE(testing::Message()
                   << source_name(GetParam()) << ", n " << n << ", temperature " << sampling.temperature);
      Runner runner(subject, fixed(GetParam(), n));
      const Ran ran = runner.run(subject.prompts, sampling, n_predict());
      expect_same(ran, runner, plain);
      for (const SourceStatistics& s : ran.statistics.sources()) right += s.right;
    }
  }
  EXPECT_GT(right, 0) << "nothing was ever drafted rightly: the test shows nothing";
}

TEST_P(IdentityPocket, SameTextInCompany) {
  const Subject& subject = pocket(n_prompts());
  for (const SamplingParams& sampling : {greedy(), at(1.0f)}) {
    for (const size_t at_once : {2, 4}) {
      SCOPED_TRACE(testing::Message() << source_name(GetParam()) << ", " << at_once << " at once");
      Runner runner(subject, fixed(GetParam(), 4));
      const Ran ran = runner.run(subject.prompts, sampling, n_predict(), at_once);
      expect_same(ran, runner, plain_of(subject, sampling, n_predict(), at_once));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, IdentityPocket, testing::ValuesIn(kAllKinds), [](const auto& of) {
  std::string name = source_name(of.param);
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(Identity, WhatTheControllerChooses) {
  const Subject& subject = pocket(n_prompts());
  for (const SamplingParams& sampling : {greedy(), at(0.7f, true), at(1.5f)}) {
    for (const size_t at_once : {1, 4}) {
      Runner runner(subject, {});
      const Ran ran = runner.run(subject.prompts, sampling, n_predict(), at_once);
      expect_same(ran, runner, plain_of(subject, sampling, n_predict(), at_once));
    }
  }
}

// What may come depends on all that came.
class FussyConstraint : public TokenConstraint {
 public:
  explicit FussyConstraint(int32_t n_vocab)
      : n_vocab_(n_vocab), mask_(static_cast<size_t>(n_vocab + 63) / 64) {}
  Result<std::span<const uint64_t>> allowed() override {
    std::ranges::fill(mask_, 0);
    for (TokenId t = 0; t < n_vocab_; ++t)
      if (may_come(t)) mask_[static_cast<size_t>(t) / 64] |= uint64_t{1} << (t % 64);
    return std::span<const uint64_t>(mask_);
  }
  void accept(TokenId token) override {
    EXPECT_TRUE(may_come(token));
    accepted.push_back(token);
    sum_ += token;
  }
  Ids accepted;

 private:
  bool may_come(TokenId token) const { return (token + sum_) % 3 != 0; }
  int32_t n_vocab_;
  int64_t sum_ = 0;
  std::vector<uint64_t> mask_;
};

struct Variant {
  const char* name;
  void (*set)(SamplingParams&);
  void (*ask)(AnswerRequest&) = nullptr;
};
const Variant kVariants[] = {
    {"dry", [](SamplingParams& p) { p.dry_multiplier = 0.8f, p.dry_allowed_length = 0; }},
    {"xtc", [](SamplingParams& p) { p.xtc_probability = 0.5f, p.xtc_threshold = 0.05f; }},
    {"typical", [](SamplingParams& p) { p.typical_p = 0.3f; }},
    {"top-n-sigma", [](SamplingParams& p) { p.top_n_sigma = 0.7f; }},
    {"dynamic temperature", [](SamplingParams& p) { p.dynatemp_range = 0.9f; }},
    {"mirostat 1", [](SamplingParams& p) { p.mirostat = 1, p.mirostat_tau = 3; }},
    {"mirostat 2", [](SamplingParams& p) { p.mirostat = 2, p.mirostat_tau = 3; }},
    {"adaptive-p", [](SamplingParams& p) { p.adaptive_target = 0.3f; }},
    {"order",
     [](SamplingParams& p) { p.steps = steps_from_letters("tpxykeda").take(), p.repeat_penalty = 1.2f; }},
    {"thought", [](SamplingParams&) {},
     [](AnswerRequest& r) {
       r.thought = {
           .budget = 5, .open = {{12}}, .close = {{13}}, .open_at_start = true, .message = {10, 11, 12, 13}};
     }},
};

// The steps with and without a memory, a budget for thoughts, a constraint: the same text with drafts, and
// the same log-probabilities.
TEST(Identity, EveryStepOfSampling) {
  const Subject& subject = pocket(all_of_it() ? 60 : 3);
  const int64_t n = all_of_it() ? 100 : 30;
  int64_t right = 0;
  const auto run = [&](const SpeculationOptions& options, const Variant& variant, bool constrained,
                       auto* said) {
    SamplingParams params = at(1.0f);
    variant.set(params);
    std::vector<std::unique_ptr<FussyConstraint>> constraints;
    Runner runner(subject, options);
    runner.prepare = [&](AnswerRequest& request) {
      if (variant.ask != nullptr) variant.ask(request);
      if (constrained) {
        constraints.push_back(std::make_unique<FussyConstraint>(subject.vocabulary().size()));
        request.constraint = constraints.back().get();
      }
      request.n_log_probs = 2;
      request.post_sampling = constrained;
      request.on_log_probs = [said](TokenId token, const LogProbs& all) {
        said->push_back(static_cast<float>(token));
        said->push_back(all.chosen);
        for (const TokenLogProb& t : all.top) said->push_back(t.log_prob);
      };
    };
    Ran ran = runner.run(subject.prompts, params, n);
    for (size_t i = 0; i < constraints.size(); ++i) {
      const Ids& accepted = constraints[i]->accepted;
      EXPECT_GT(accepted.size(), 0u);
      EXPECT_TRUE(std::ranges::equal(accepted, std::span(ran.texts[i]).last(accepted.size())));
    }
    for (const SourceStatistics& s : ran.statistics.sources()) right += s.right;
    return std::pair(std::move(ran), std::move(runner.probes));
  };
  const Plain& usual = plain_of(subject, at(1.0f), n);
  for (const Variant& variant : kVariants) {
    for (const bool constrained : {false, true}) {
      SCOPED_TRACE(testing::Message() << variant.name << (constrained ? ", constrained" : ""));
      if (constrained && variant.ask != nullptr) continue;  // the message is not allowed everywhere
      std::vector<float> said;
      const auto [plain, probes] = run(off(), variant, constrained, &said);
      EXPECT_NE(plain.texts, usual.ran.texts) << "it does nothing";
      for (const SourceKind kind : {SourceKind::kSuffix, SourceKind::kMtp}) {
        if (constrained && kind == SourceKind::kSuffix && !all_of_it()) continue;
        SCOPED_TRACE(source_name(kind));
        std::vector<float> said_now;
        const auto [ran, probes_now] = run(fixed(kind, 3), variant, constrained, &said_now);
        EXPECT_EQ(ran.texts, plain.texts);
        EXPECT_EQ(ran.reasons, plain.reasons);
        EXPECT_EQ(probes_now, probes);
        // With MTP the rows of prompts, from which first tokens come, may differ in their last bit.
        EXPECT_THAT(said_now, testing::Pointwise(testing::FloatNear(1e-4f), said));
      }
    }
  }
  EXPECT_GT(right, 0) << "nothing was ever drafted rightly: the test shows nothing";
  SpeculationOptions rejection = fixed(SourceKind::kMtp, 3);
  rejection.verification = Verification::kRejection;
  run(rejection, kVariants[0], true, std::make_unique<std::vector<float>>().get());
}

// A model that is always right is asked for drafts, unless the user said that they may have no token.
TEST(Identity, TheUsersLimitHoldsWhereTheControllerChooses) {
  const Subject& subject = pocket(4);
  const Plain& plain = plain_of(subject, greedy(), 100);
  const auto longest_draft = [&](const SpeculationOptions& options) {
    int longest = 0;
    // Drafts are only made where no step would wait for its plan.
    Session& session = subject.session_for(options);
    session.plan_ahead(kExactRows, session.options().mtp);
    session.plan_ahead(kExactRows, false);
    session.wait_for_plans();
    const auto says = [&](auto, std::span<const TokenId> coming, int n) {
      longest = std::max(longest, n);
      return Ids(coming.begin(), coming.begin() + std::min(static_cast<ptrdiff_t>(n), std::ssize(coming)));
    };
    Runner runner(subject, options);
    const Ran ran = runner.run(subject.prompts, greedy(), 100, 1,
                               std::make_unique<ScriptedDrafter>(says, plain.ran.texts, false));
    expect_same(ran, runner, plain);
    return longest;
  };
  SpeculationOptions options;
  options.n_max = 0;
  EXPECT_GT(longest_draft(options), 0);
  options.n_max_said = true;
  EXPECT_EQ(longest_draft(options), 0);
}

// Drafters that are always right, never, now and then; right but for place j; that end the answer in the
// middle; that say what is no token.
TEST(Identity, WhateverADrafterSays) {
  const Subject& subject = pocket(all_of_it() ? 60 : 6);
  SpeculationOptions options = fixed(SourceKind::kSuffix, 63);
  const TokenId end = subject.vocabulary().end_tokens().front();
  const auto right = [](std::span<const TokenId> coming, int n) {
    return Ids(coming.begin(), coming.begin() + std::min(static_cast<ptrdiff_t>(n), std::ssize(coming)));
  };
  std::vector<std::pair<std::string, ScriptedDrafter::Says>> drafters = {
      {"right", [&](auto, auto coming, int n) { return right(coming, n); }},
      {"wrong",
       [&](auto, auto coming, int n) {
         Ids said = right(coming, n);
         for (TokenId& id : said) id = (id + 1) % 4000;
         return said;
       }},
      {"random length",
       [&](auto history, auto coming, int n) {
         return right(coming, static_cast<int>(history.size() * 7919 % 17) % (n + 1));
       }},
      {"random",
       [&](auto history, auto coming, int n) {
         Ids said = right(coming, static_cast<int>(history.size() * 31 % 9) % (n + 1));
         for (size_t i = 0; i < said.size(); ++i)
           if ((history.size() + i) * 2654435761u % 5 == 0) said[i] = static_cast<TokenId>(i * 97 % 4000);
         return said;
       }},
      {"end inside",
       [&](auto, auto coming, int n) {
         Ids said = right(coming, n);
         if (said.size() > 2) said[2] = end;
         return said;
       }},
      {"no tokens",
       [&](auto, auto coming, int n) {
         Ids said = right(coming, n);
         if (said.size() > 1) said[1] = 1 << 30;
         if (said.size() > 5) said[5] = -3;
         return said;
       }},
  };
  for (size_t j = 0; j < 8; ++j)
    drafters.push_back({"wrong at " + std::to_string(j), [&, j](auto, auto coming, int n) {
                          Ids said = right(coming, n);
                          if (said.size() > j) said[j] = (said[j] + 1) % 4000;
                          return said;
                        }});
  for (const SamplingParams& sampling : {greedy(), at(1.0f, true)}) {
    for (const auto& [name, says] : drafters) {
      SCOPED_TRACE(name);
      for (const size_t at_once : {1, 2, 4}) {
        if (at_once > 1 && !all_of_it() && name != "random") continue;
        const Plain& expected = plain_of(subject, sampling, n_predict(), at_once);
        Runner runner(subject, options);
        const Ran ran = runner.run(subject.prompts, sampling, n_predict(), at_once,
                                   std::make_unique<ScriptedDrafter>(says, expected.ran.texts));
        expect_same(ran, runner, expected);
        const SourceStatistics& s = ran.statistics.sources()[0];
        EXPECT_LE(s.right, s.verified);
        EXPECT_EQ(ran.statistics.tokens(), ran.statistics.rounds() + s.right);
        if (name == "wrong") {
          EXPECT_EQ(s.right, 0);
        }
        if (name == "right") {
          EXPECT_GT(s.right, ran.statistics.rounds());
        }
      }
    }
  }
}

// Texts that mean nothing; the last token ends an answer.
Tokenizer tokenizer_of_ids(int32_t n_vocab) {
  VocabularyForTest made = VocabularyForTest::with_bytes();
  while (std::ssize(made.tokens) < n_vocab - 1) made.add("w" + std::to_string(made.tokens.size()));
  made.add("<|im_end|>", TokenType::kControl);
  return made.build().take();
}

// Small models with random weights, one of each family; the hybrids with their MTP block.
class IdentityFamily : public testing::TestWithParam<Architecture> {};

TEST_P(IdentityFamily, SameTextAndState) {
  const MadeModel made(GetParam(), "Q4_K_M", facts(GetParam()).mtp);
  ASSERT_NE(made.model, nullptr);
  const bool has_mtp = made.model->hyperparameters().n_mtp == 1;
  Subject subject;
  subject.model = made.model;
  const auto n_vocab = static_cast<int32_t>(made.model->hyperparameters().n_vocab);
  subject.tokenizer = std::make_shared<Tokenizer>(tokenizer_of_ids(n_vocab));
  subject.prompts = made_prompts(n_vocab, n_prompts(), 100);
  int64_t drafted = 0;
  for (const SamplingParams& sampling : {greedy(), at(0.3f), at(0.7f), at(1.0f, true), at(1.5f)}) {
    const Plain& plain = plain_of(subject, sampling, n_predict());
    for (const SourceKind kind : {SourceKind::kSuffix, SourceKind::kNgramMod, SourceKind::kMtp}) {
      if (kind == SourceKind::kMtp && !has_mtp) continue;
      for (const int n : {1, 3, 16}) {
        if (!all_of_it() && n != 3) continue;
        SCOPED_TRACE(testing::Message()
                     << source_name(kind) << ", n " << n << ", temperature " << sampling.temperature);
        Runner runner(subject, fixed(kind, n));
        const Ran ran = runner.run(subject.prompts, sampling, n_predict());
        expect_same(ran, runner, plain);
        for (const SourceStatistics& s : ran.statistics.sources()) drafted += s.verified;
      }
    }
  }
  EXPECT_GT(drafted, 0);
}

INSTANTIATE_TEST_SUITE_P(All, IdentityFamily,
                         testing::Values(Architecture::kQwen3, Architecture::kQwen3Moe,
                                         Architecture::kQwen3Next, Architecture::kQwen35,
                                         Architecture::kQwen35Moe),
                         [](const auto& of) { return std::string(facts(of.param).name); });

}  // namespace
}  // namespace gannet
