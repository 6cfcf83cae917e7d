#include "cli/bench_decoder.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "cli/interrupt.h"
#include "cli/progress.h"
#include "engine/drafters.h"
#include "engine/sampling_defaults.h"

namespace gannet {
namespace {

// Tokens that are read before the timed part begins. An answer alone needs one to begin with.
int64_t n_before(const BenchTest& test) {
  return test.n_prompt > 0 ? test.n_depth : std::max<int64_t>(1, test.n_depth);
}

// Places for answers that end too early and are begun again.
constexpr int64_t kRoom = 64;

using Clock = std::chrono::steady_clock;

int64_t nanoseconds(Clock::duration time) {
  return int64_t{std::chrono::duration_cast<std::chrono::nanoseconds>(time).count()};
}

}  // namespace

int64_t BenchDecoder::text_length(const BenchTest& test) {
  // A round goes on behind a token that was chosen before: one more than rounds give.
  return n_before(test) + test.n_prompt + (test.n_gen > 0 ? test.n_gen + 1 : 0);
}

int64_t BenchDecoder::context(const BenchTest& test) {
  return text_length(test) + kRoom;
}

// The open texts of a run, closed with it.
class BenchDecoder::Streams {
 public:
  explicit Streams(Decoder& decoder) : decoder_(decoder) {}
  ~Streams() {
    for (Stream* stream : all_) decoder_.close(*stream);
  }
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  std::span<Stream* const> all() const { return all_; }
  Stream& open() { return *all_.emplace_back(&decoder_.open()); }
  void close(Stream& stream) {
    std::erase(all_, &stream);
    decoder_.close(stream);
  }

 private:
  Decoder& decoder_;
  std::vector<Stream*> all_;
};

// What a text has still to say.
struct BenchDecoder::Saying {
  AnswerRequest request;
  int64_t rest = 0;
};

BenchDecoder::BenchDecoder(Session& session, const Vocabulary& vocabulary, const SpeculationOptions& options,
                           int n_streams, Sampler sampler, Sampler endless)
    : session_(session),
      vocabulary_(vocabulary),
      options_(options),
      n_streams_(n_streams),
      sampler_(std::move(sampler)),
      endless_(std::move(endless)) {
  costs_.set_guess(guessed_row_costs(session.model()));
}

Result<std::unique_ptr<BenchDecoder>> BenchDecoder::create(Session& session, const Vocabulary& vocabulary,
                                                           const SpeculationOptions& options, int n_streams,
                                                           const SamplingParams& sampling,
                                                           const DraftModel& draft) {
  SamplingParams params;
  params.temperature = 0;
  forbid_ends(params, vocabulary);
  Sampler endless = GANNET_TRY(Sampler::create(params, vocabulary.size()));
  Sampler sampler = GANNET_TRY(Sampler::create(sampling, vocabulary.size()));
  std::unique_ptr<BenchDecoder> made(
      new BenchDecoder(session, vocabulary, options, n_streams, std::move(sampler), std::move(endless)));
  made->keeps_drafters_ = draft.model != nullptr;
  GANNET_TRY(made->begin(draft));
  return made;
}

Result<void> BenchDecoder::begin(const DraftModel& draft) {
  auto drafters = GANNET_TRY(make_drafters(session_, vocabulary_, options_, n_streams_, draft));
  decoder_ = std::make_unique<Decoder>(session_, vocabulary_, DecoderOptions{options_, costs_, acceptance_},
                                       std::move(drafters));
  return {};
}

BenchDrafts BenchDecoder::counts() const {
  const SpeculationStatistics& statistics = decoder_->statistics();
  BenchDrafts counts{.rounds = statistics.rounds(), .tokens = statistics.tokens()};
  for (const SourceStatistics& source : statistics.sources())
    counts += {.drafted = source.drafted, .verified = source.verified, .accepted = source.right};
  return counts;
}

Result<BenchRun> BenchDecoder::outcome(const Result<int64_t>& nanoseconds, const BenchDrafts& before) {
  costs_ = decoder_->controller().costs();
  if (!nanoseconds.ok()) return nanoseconds.error();
  if (const auto warnings = decoder_->warnings(); !warnings.empty())
    return Error(ErrorCode::kRuntime, warnings.front());
  BenchRun run{.nanoseconds = *nanoseconds, .drafts = counts()};
  run.drafts += {-before.drafted, -before.verified, -before.accepted, -before.rounds, -before.tokens};
  return run;
}

Result<BenchRun> BenchDecoder::run(const BenchTest& test, std::span<const std::span<const TokenId>> texts,
                                   bool scripted) {
  if (!keeps_drafters_) GANNET_TRY(begin({}));
  const BenchDrafts before = counts();
  Streams streams(*decoder_);
  BenchRun run = GANNET_TRY(outcome(say(streams, test, texts, scripted), before));
  run.tokens = static_cast<int64_t>(texts.size()) * (test.n_prompt + test.n_gen);
  return run;
}

Result<int64_t> BenchDecoder::say(Streams& streams, const BenchTest& test,
                                  std::span<const std::span<const TokenId>> texts, bool scripted) {
  const auto first = static_cast<size_t>(n_before(test)), n_prompt = static_cast<size_t>(test.n_prompt);
  const auto go_on = [](size_t, size_t) { return !interrupted(); };
  std::vector<Saying> sayings;
  for (const std::span<const TokenId> text : texts) {
    Stream& stream = streams.open();
    AnswerRequest request{.sampler = &endless_, .on_token = [](TokenId) { return !interrupted(); }};
    if (scripted) request.script = text.subspan(first + n_prompt);
    AnswerRequest nothing = request;
    nothing.n_predict = 0;
    request.n_predict = test.n_gen > 0 ? test.n_gen + 1 : 0;
    sayings.push_back({request, request.n_predict});
    if (first == 0) continue;
    std::optional<ProgressBar> bar;
    if (test.n_depth > 0) bar.emplace("filling the context");
    GANNET_TRY(decoder_->start(stream, text.first(first), n_prompt > 0 ? nothing : request,
                               [&](size_t done, size_t total) {
                                 if (bar) bar->update(done, total, "tokens");
                                 return !interrupted();
                               }));
  }
  // While another session had its turn, this one's threads fell asleep.
  session_.team().run([](Worker&) {});
  const auto began = Clock::now();
  if (n_prompt > 0)
    for (size_t i = 0; i < texts.size(); ++i)
      GANNET_TRY(
          decoder_->start(*streams.all()[i], texts[i].subspan(first, n_prompt), sayings[i].request, go_on));
  if (test.n_gen > 0) GANNET_TRY(finish(streams.all(), sayings));
  const auto took = Clock::now() - began;
  if (interrupted()) return stopped_measuring();
  return nanoseconds(took);
}

Result<void> BenchDecoder::finish(std::span<Stream* const> streams, std::span<Saying> sayings) {
  for (bool going = true; going;) {
    going = false;
    if (interrupted()) return stopped_measuring();
    for (size_t i = 0; i < streams.size(); ++i) {
      Stream& stream = *streams[i];
      Saying& saying = sayings[i];
      if (stream.failure()) return *stream.failure();
      if (stream.finished() != FinishReason::kNone && saying.rest > 0) {
        saying.rest -= static_cast<int64_t>(stream.n_generated());
        if (saying.rest > 0) {
          if (stream.finished() != FinishReason::kEnd)
            return Error(ErrorCode::kRuntime, "the answer ended before it was measured");
          // Drafts that are right by decree may end an answer.
          saying.request.n_predict = saying.rest;
          const TokenId any[] = {0};
          GANNET_TRY(decoder_->start(stream, any, saying.request));
        }
      }
      going = going || saying.rest > 0;
    }
    if (going) GANNET_TRY(decoder_->round(streams));
  }
  return {};
}

Result<BenchRun> BenchDecoder::answer(const BenchTest& test, std::span<const std::vector<TokenId>> prompts) {
  if (!keeps_drafters_) GANNET_TRY(begin({}));
  const BenchDrafts before = counts();
  Streams streams(*decoder_);
  std::vector<BenchAnswer> answers(prompts.size());
  BenchRun run = GANNET_TRY(outcome(answer_all(streams, test, prompts, answers), before));
  acceptance_ = decoder_->controller().acceptance();
  run.tokens = run.drafts.tokens;
  run.answers = std::move(answers);
  return run;
}

Result<int64_t> BenchDecoder::answer_all(Streams& streams, const BenchTest& test,
                                         std::span<const std::vector<TokenId>> prompts,
                                         std::vector<BenchAnswer>& answers) {
  const AnswerRequest request{
      .sampler = &sampler_, .n_predict = test.n_gen, .on_token = [](TokenId) { return !interrupted(); }};
  const auto go_on = [](size_t, size_t) { return !interrupted(); };
  struct Asked {
    Stream* stream = nullptr;
    size_t prompt = 0;
  };
  std::vector<Asked> asked(std::min(prompts.size(), static_cast<size_t>(test.n_parallel)));
  session_.team().run([](Worker&) {});
  size_t next = 0;
  int64_t total = 0;
  for (;;) {
    for (Asked& one : asked) {
      while (one.stream == nullptr || one.stream->finished() != FinishReason::kNone) {
        if (one.stream != nullptr) {
          if (one.stream->failure()) return *one.stream->failure();
          if (interrupted()) return stopped_measuring();
          const auto tokens = one.stream->history().subspan(prompts[one.prompt].size());
          answers[one.prompt].tokens.assign(tokens.begin(), tokens.end());
          streams.close(*one.stream);
          one.stream = nullptr;
        }
        if (next == prompts.size()) break;
        one = {&streams.open(), next++};
        GANNET_TRY(decoder_->start(*one.stream, prompts[one.prompt], request, go_on));
      }
    }
    if (streams.all().empty()) return total;
    const auto began = Clock::now();
    GANNET_TRY(decoder_->round(streams.all()));
    const int64_t took = nanoseconds(Clock::now() - began);
    total += took;
    const auto share = took / static_cast<int64_t>(streams.all().size());
    for (const Asked& one : asked)
      if (one.stream != nullptr) answers[one.prompt].nanoseconds += share;
  }
}

}  // namespace gannet
