// One text and its answers, token by token, handed out as text. The token that ended an answer is remembered
// and fed first on the next call, so a conversation costs only its new tokens.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/answer_text.h"
#include "engine/decoder.h"
#include "sample/sampler.h"
#include "text/tokenizer.h"

namespace gannet {

// What an answer may be asked for beside its length. The parts of AnswerRequest with the same names.
struct AnswerOptions {
  int64_t n_predict = -1;              // most tokens; < 0: until an end token or the context is full
  std::vector<std::string> stop = {};  // texts that end the answer and are not shown
  TokenConstraint* constraint = nullptr;
  ThoughtRules thought = {};
  RepetitionRules repetition = {};
  OnLogProbs on_log_probs = {};
  int n_log_probs = 0;
  bool post_sampling = false;
};

struct Answer {
  FinishReason reason = FinishReason::kEnd;
  std::optional<std::string> stopped_by;  // which of AnswerOptions::stop; the reason is kStopped then
  size_t n_prompt = 0;                    // tokens fed before the first sample
  size_t n_generated = 0;                 // sampled tokens, the end token included
  double prompt_seconds = 0, generate_seconds = 0;
};

class Generator {
 public:
  // All referenced objects must outlive the generator.
  Generator(Decoder& decoder, const Tokenizer& tokenizer, Sampler& sampler);
  // With a decoder of its own, that does not speculate.
  Generator(Session& session, const Tokenizer& tokenizer, Sampler& sampler);
  ~Generator();
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  // Appends `prompt` to the sequence and generates an answer. Errors: stop strings that cannot be (kUsage), a
  // prompt that does not fit (kRuntime, both numbers), no memory, logits or a constraint that leave nothing
  // to choose (kRuntime). After an error the sequence is as before the call, and a prompt whose reading was
  // stopped is not in it either.
  Result<Answer> generate(std::span<const TokenId> prompt, const AnswerOptions& options,
                          const OnText& on_text, const OnPrompt& on_prompt = {});
  Result<Answer> generate(std::span<const TokenId> prompt, int64_t n_predict, const OnText& on_text,
                          const OnPrompt& on_prompt = {}) {
    return generate(prompt, AnswerOptions{.n_predict = n_predict}, on_text, on_prompt);
  }

  // Everything said so far, prompts and answers.
  std::span<const TokenId> history() const { return stream_.history(); }
  // Tokens that the next prompt may have: what the context has left but one, for the answer.
  size_t room() const;

  // Appends `tokens` without an answer. Errors as generate(), and kInterrupted when the reading was stopped.
  Result<void> read(std::span<const TokenId> tokens, const OnPrompt& on_prompt = {});
  // Points to go back to, at no cost in memory but what the text behind them changes.
  StreamMark mark() { return decoder_.mark(stream_); }
  void rollback(const StreamMark& mark) { decoder_.rollback(stream_, mark); }

  // Back to before the last generate() that was no error; a second call in a row does nothing.
  void undo();
  // Forgets everything.
  void clear();

 private:
  std::unique_ptr<Decoder> own_decoder_;
  Decoder& decoder_;
  const Tokenizer& tokenizer_;
  Sampler& sampler_;
  Stream& stream_;
  StreamMark before_;
};

}  // namespace gannet
