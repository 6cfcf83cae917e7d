#include "cli/conversation.h"

#include <cstdio>

#include <fmt/format.h>

#include "cli/interrupt.h"
#include "engine/chat.h"

namespace gannet {

Conversation::Conversation(ConversationOptions options, Session& session, const Tokenizer& tokenizer,
                           Sampler sampler)
    : options_(std::move(options)),
      tokenizer_(tokenizer),
      sampler_(std::move(sampler)),
      generator_(session, tokenizer, sampler_),
      raw_(options_.raw || !has_chat_markers(tokenizer)) {}

Result<Answer> Conversation::say(const std::string& text) {
  std::vector<TokenId> tokens;
  if (raw_) {
    tokens = GANNET_TRY(
        tokenizer_.encode(text, {.add_special = generator_.history().empty(), .parse_special = true}));
  } else {
    const bool continued = !generator_.history().empty();
    const bool closed = continued && tokenizer_.vocabulary().is_end(generator_.history().back());
    tokens = GANNET_TRY(chat_tokens(tokenizer_, {.system = continued ? "" : std::string_view(options_.system),
                                                 .user = text,
                                                 .continued = continued,
                                                 .closed = closed}));
  }
  last_text_ = text;
  const Answer answer =
      GANNET_TRY(generator_.generate(tokens, options_.n_predict, [](std::string_view piece) {
        if (!piece.empty()) std::fwrite(piece.data(), 1, piece.size(), stdout);
        return std::fflush(stdout) == 0 && !interrupted();
      }));
  report(answer);
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

void Conversation::report(const Answer& a) const {
  if (a.reason == FinishReason::kContextFull)
    fmt::print(stderr, "\ngannet: the context of the model is full; /clear or a larger --ctx-size helps\n");
  if (!options_.timings) return;
  const double prompt_rate = a.prompt_seconds > 0 ? static_cast<double>(a.n_prompt) / a.prompt_seconds : 0;
  // The first token costs no decode step.
  const double steps = a.n_generated > 1 ? static_cast<double>(a.n_generated - 1) : 0;
  fmt::print(stderr, "\n[prompt {} tokens, {:.1f} t/s; answer {} tokens, {:.1f} t/s; seed {}]\n", a.n_prompt,
             prompt_rate, a.n_generated, a.generate_seconds > 0 ? steps / a.generate_seconds : 0,
             sampler_.params().seed);
}

}  // namespace gannet
