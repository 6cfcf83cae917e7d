#include "cli/conversation.h"

#include <optional>

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/answer_output.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/say.h"
#include "engine/chat.h"

namespace gannet {

Conversation::Conversation(ConversationOptions options, Session& session, Decoder& decoder,
                           const Tokenizer& tokenizer, Sampler sampler)
    : options_(std::move(options)),
      session_(session),
      decoder_(decoder),
      tokenizer_(tokenizer),
      sampler_(std::move(sampler)),
      generator_(decoder, tokenizer, sampler_),
      raw_(options_.raw || !has_chat_markers(tokenizer)) {}

Result<std::vector<TokenId>> Conversation::tokens_of(const std::string& text) const {
  const bool continued = !generator_.history().empty();
  if (raw_) return tokenizer_.encode(text, {.add_special = !continued, .parse_special = true});
  const bool closed = continued && tokenizer_.vocabulary().is_end(generator_.history().back());
  return chat_tokens(tokenizer_, {.system = continued ? "" : std::string_view(options_.system),
                                  .user = text,
                                  .continued = continued,
                                  .closed = closed});
}

// The generator refuses what is too long for the whole context; a later message also stands beside what was
// said before.
Result<void> Conversation::check_room(size_t n_tokens) const {
  const size_t taken = generator_.history().size(), room = generator_.room();
  if (taken == 0 || n_tokens <= room) return {};
  const int64_t n_ctx = session_.options().n_ctx;
  if (room == 0)
    return Error(ErrorCode::kRuntime,
                 fmt::format("the context is full ({} of {} tokens); /clear starts anew", taken, n_ctx));
  return Error(
      ErrorCode::kRuntime,
      fmt::format("the message has {} tokens, {} of the {} of the context are free for it; shorten it, "
                  "or /clear and send it again",
                  n_tokens, room, n_ctx));
}

Result<Answer> Conversation::say(const std::string& text) {
  const std::vector<TokenId> tokens = GANNET_TRY(tokens_of(text));
  GANNET_TRY(check_room(tokens.size()));
  AnswerOutput output;
  AnswerOptions wanted = options_.answer;
  wanted.n_predict = options_.n_predict;
  std::optional<ProgressBar> reading("reading");
  auto answer = generator_.generate(
      tokens, wanted,
      [&](std::string_view piece) {
        reading.reset();  // out of the way of the answer
        return output.write(piece);
      },
      [&](size_t done, size_t total) {
        if (done < total) reading->update(done, total, "tokens");
        return !interrupted();
      });
  reading.reset();
  GANNET_TRY(output.end());
  if (!answer.ok()) return answer;
  last_text_ = text;
  report(*answer);
  return answer;
}

Result<Answer> Conversation::again() {
  generator_.undo();
  SamplingParams params = sampler_.params();
  ++params.seed;
  sampler_ = GANNET_TRY(Sampler::create(params, tokenizer_.vocabulary().size()));
  return say(last_text_);
}

void Conversation::clear() {
  generator_.clear();
  last_text_.clear();
}

void Conversation::prepare() {
  if (prepared_) return;
  prepared_ = true;
  session_.plan_ahead(session_.options().n_ubatch, session_.options().mtp);
}

std::string Conversation::about() const {
  const Model& model = session_.model();
  const std::string& name = model.hyperparameters().name;
  return fmt::format("{}{}, context of {} tokens{}", name.empty() ? "" : printable(name, 100) + ", ",
                     model.type_text(), session_.options().n_ctx,
                     raw_ ? ", continues text (no chat format)" : "");
}

void Conversation::report(const Answer& a) {
  prompt_seconds_ += a.prompt_seconds;
  generate_seconds_ += a.generate_seconds;
  if (a.reason == FinishReason::kContextFull)
    gannet::say("the answer was cut: the context of {} tokens is full; a larger --ctx-size helps",
                session_.options().n_ctx);
  if (!options_.timings) return;
  const double prompt_rate = a.prompt_seconds > 0 ? static_cast<double>(a.n_prompt) / a.prompt_seconds : 0;
  // The first token costs no decode step.
  const double steps = a.n_generated > 1 ? static_cast<double>(a.n_generated - 1) : 0;
  put_stderr(fmt::format("[prompt {} tokens, {:.1f} t/s; answer {} tokens, {:.1f} t/s; seed {}]\n",
                         a.n_prompt, prompt_rate, a.n_generated,
                         a.generate_seconds > 0 ? steps / a.generate_seconds : 0, sampler_.params().seed));
  const Controller& controller = decoder_.controller();
  put_stderr(fmt::format("[speculation: {}]\n",
                         decoder_.statistics().line(controller.seconds_saved(), controller.why_off())));
}

}  // namespace gannet
