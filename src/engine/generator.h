// Token by token generation on one sequence: reads prompt tokens, samples, feeds back, hands out text. The
// token that ended an answer is remembered and fed first on the next call, so a conversation costs only its
// new tokens.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "engine/session.h"
#include "sample/sampler.h"
#include "text/tokenizer.h"

namespace gannet {

enum class FinishReason { kEnd, kLength, kStopped, kContextFull };

struct Answer {
  FinishReason reason = FinishReason::kEnd;
  size_t n_prompt = 0;     // tokens fed before the first sample
  size_t n_generated = 0;  // sampled tokens, the end token included
  double prompt_seconds = 0, generate_seconds = 0;
};

// Called with complete UTF-8 text as it comes (possibly empty); false stops the answer.
using OnText = std::function<bool(std::string_view text)>;
// Called after every micro-batch of the prompt with the tokens fed so far; false stops. May be null.
using OnPrompt = std::function<bool(size_t done, size_t total)>;

class Generator {
 public:
  // All referenced objects must outlive the generator.
  Generator(Session& session, const Tokenizer& tokenizer, Sampler& sampler);

  // Appends `prompt` to the sequence and generates at most n_predict tokens (< 0: until an end token or the
  // context is full). Errors: a prompt that does not fit (kRuntime, both numbers), no memory, unusable logits
  // (kRuntime). After an error the sequence is as before the call, and a prompt whose reading was stopped is
  // not in it either.
  Result<Answer> generate(std::span<const TokenId> prompt, int64_t n_predict, const OnText& on_text,
                          const OnPrompt& on_prompt = {});

  // Everything said so far, prompts and answers.
  std::span<const TokenId> history() const { return history_; }
  // Tokens that the next prompt may have: what the context has left but one, for the answer.
  size_t room() const;

  // Back to before the last generate() that was no error; a second call in a row does nothing.
  void undo();
  // Forgets everything.
  void clear();

 private:
  Session& session_;
  const Tokenizer& tokenizer_;
  Sampler& sampler_;
  SequenceState sequence_;
  std::vector<TokenId> history_;  // history_[sequence_.length()...] are sampled or given but not yet fed
  StateSnapshot before_;
  size_t history_before_ = 0;
};

}  // namespace gannet
