#include "engine/generator.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "text/detokenizer.h"
#include "text/stop_strings.h"

namespace gannet {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::unique_ptr<Decoder> plain_decoder(Session& session, const Vocabulary& vocabulary) {
  DecoderOptions options;
  options.speculation.mode = SpeculationMode::kOff;
  std::vector<std::unique_ptr<Drafter>> none;
  return std::make_unique<Decoder>(session, vocabulary, std::move(options), std::move(none));
}

}  // namespace

Generator::Generator(Decoder& decoder, const Tokenizer& tokenizer, Sampler& sampler)
    : decoder_(decoder), tokenizer_(tokenizer), sampler_(sampler), stream_(decoder.open()) {}

Generator::Generator(Session& session, const Tokenizer& tokenizer, Sampler& sampler)
    : own_decoder_(plain_decoder(session, tokenizer.vocabulary())),
      decoder_(*own_decoder_),
      tokenizer_(tokenizer),
      sampler_(sampler),
      stream_(decoder_.open()) {}

Generator::~Generator() {
  decoder_.close(stream_);
}

Result<void> Generator::read(std::span<const TokenId> tokens, const OnPrompt& on_prompt) {
  AnswerRequest request;
  request.sampler = &sampler_;
  request.n_predict = 0;
  return decoder_.start(stream_, tokens, std::move(request), on_prompt);
}

void Generator::undo() {
  decoder_.rollback(stream_, before_);
}

void Generator::clear() {
  before_ = {};
  undo();
}

size_t Generator::room() const {
  const auto n_ctx = static_cast<size_t>(decoder_.session().options().n_ctx);
  return n_ctx - std::min(n_ctx, history().size() + 1);
}

Result<Answer> Generator::generate(std::span<const TokenId> prompt, const AnswerOptions& options,
                                   const OnText& on_text, const OnPrompt& on_prompt) {
  AnswerText text = GANNET_TRY(AnswerText::create(tokenizer_, options.stop));
  const StreamMark before = decoder_.mark(stream_);
  AnswerRequest request;
  request.sampler = &sampler_;
  request.n_predict = options.n_predict;
  request.on_token = [&](TokenId token) { return text.push(token, on_text); };
  request.constraint = options.constraint;
  request.thought = options.thought;
  request.repetition = options.repetition;
  request.on_log_probs = options.on_log_probs;
  request.n_log_probs = options.n_log_probs;
  request.post_sampling = options.post_sampling;

  Answer answer;
  answer.n_prompt = history().size() + prompt.size() - static_cast<size_t>(stream_.state().length());
  auto start = Clock::now();
  auto started = decoder_.start(stream_, prompt, std::move(request), on_prompt);
  if (!started.ok()) {
    if (started.error().code() != ErrorCode::kInterrupted) return started.take_error();
    before_ = before;
    answer.reason = FinishReason::kStopped;
    return answer;
  }
  answer.prompt_seconds = seconds_since(start);

  start = Clock::now();
  const std::array<Stream*, 1> streams = {&stream_};
  while (stream_.finished() == FinishReason::kNone) {
    auto went_on = decoder_.round(streams);
    if (went_on.ok() && !stream_.failure()) continue;
    decoder_.rollback(stream_, before);
    return went_on.ok() ? *stream_.failure() : went_on.take_error();
  }
  answer.stopped_by = text.finish(on_text);
  before_ = before;
  answer.reason = stream_.finished();
  answer.n_generated = stream_.n_generated();
  answer.generate_seconds = seconds_since(start);
  return answer;
}

}  // namespace gannet
