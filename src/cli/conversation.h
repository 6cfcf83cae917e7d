// A conversation with a model: messages become tokens in the format of the model, answers go to stdout as
// they come.
#pragma once

#include <string>

#include "base/result.h"
#include "engine/generator.h"
#include "sample/sampler.h"
#include "text/tokenizer.h"

namespace gannet {

struct ConversationOptions {
  std::string system;      // instructions in front of the first message; may be empty
  int64_t n_predict = -1;  // most tokens of an answer; < 0: until it ends
  AnswerOptions answer;    // whatever else ends it; n_predict is the one above
  bool raw = false;        // messages are continued as they are, without chat format
  bool timings = false;    // token counts and rates to stderr after every answer
};

class Conversation {
 public:
  // `session`, its `decoder` and `tokenizer` must outlive the conversation.
  Conversation(ConversationOptions options, Session& session, Decoder& decoder, const Tokenizer& tokenizer,
               Sampler sampler);
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  // Reads a message and answers it; the reading shows its progress on stderr. Errors: kOutput when stdout
  // takes no more; otherwise the conversation is as before: kRuntime when the message does not fit into what
  // the context has left (all numbers are named), and those of Generator::generate().
  Result<Answer> say(const std::string& text);
  // Answers the last message that was read once more, with another seed.
  Result<Answer> again();
  bool can_regenerate() const { return !last_text_.empty(); }
  // Forgets everything said.
  void clear();

  // Uses the time that the user takes: makes the plans that the next messages will need.
  void prepare();
  // Of all answers so far.
  double prompt_seconds() const { return prompt_seconds_; }
  double generate_seconds() const { return generate_seconds_; }
  // The model and the size of its context, in a few words for the user.
  std::string about() const;

 private:
  Result<std::vector<TokenId>> tokens_of(const std::string& text) const;
  Result<void> check_room(size_t n_tokens) const;
  void report(const Answer& answer);

  ConversationOptions options_;
  Session& session_;
  Decoder& decoder_;
  bool prepared_ = false;
  const Tokenizer& tokenizer_;
  Sampler sampler_;
  Generator generator_;
  bool raw_;
  std::string last_text_;
  double prompt_seconds_ = 0, generate_seconds_ = 0;
};

}  // namespace gannet
