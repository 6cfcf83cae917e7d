// A conversation with a model from the command line: messages become tokens by the model's chat template,
// answers are taken apart into thoughts, content and calls and shown as they come.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "chat/chat_template.h"
#include "chat/message.h"
#include "cli/answer_flags.h"
#include "cli/answer_view.h"
#include "cli/chat_flags.h"
#include "cli/sampling_options.h"
#include "engine/generator.h"
#include "grammar/grammar_constraint.h"
#include "sample/sampler.h"
#include "text/tokenizer.h"

namespace gannet {

// One at a time.
class ChatSession {
 public:
  // `session` and its `decoder` must live as long, or until stop_using(); `tokenizer` must outlive it.
  // Errors: a template that cannot be read (kModelFile, kUsage when the user gave it), a schema or grammar
  // that cannot be enforced (kUsage).
  static Result<std::unique_ptr<ChatSession>> create(ChatOptions options, SamplingOptions sampling,
                                                     AnswerFlags ends, Session& session, Decoder& decoder,
                                                     const Tokenizer& tokenizer);
  ChatSession(const ChatSession&) = delete;
  ChatSession& operator=(const ChatSession&) = delete;
  ~ChatSession();

  // Reads a message and answers it; the reading shows its progress on stderr. Errors: kOutput when stdout
  // takes no more; otherwise the conversation is as before: kRuntime when the message does not fit into what
  // the context has left (all numbers are named), kUsage when the template refuses the conversation, and
  // those of Generator::generate().
  Result<Answer> say(const std::string& text);
  // Answers the last message once more, with another seed.
  Result<Answer> again();
  bool can_regenerate() const;
  // Forgets everything said, but not the system message.
  void clear();

  // Puts text in front of the next message. Returns how many tokens stand there then. Errors: kUsage if the
  // context has no room for them.
  Result<size_t> attach(std::string text);
  // Takes that back.
  void detach() { attached_.clear(); }
  // The result of the first call of the last answer that has none yet; with the last one the model answers.
  // Errors: kUsage if there is no such call; those of say().
  Result<std::optional<Answer>> give_result(std::string text);
  // The messages as JSON, as servers take them. Errors: kOutput; kRuntime for what is no such file.
  Result<void> save(const std::string& path) const;
  Result<void> load(const std::string& path);
  // Options that may change between messages, by their names with or without dashes. Errors: kUsage.
  Result<void> set(const std::string& name, const std::string& value);
  std::string settings() const;
  // Of the last answer; empty: it had none.
  std::string thoughts() const;

  // Uses the time that the user takes: makes the plans that the next messages will need.
  void prepare();
  // Where the device is lost, its session and decoder are left for others of the same model: between these
  // two calls nothing else may be called. What was said before is read again with the next message. Errors:
  // those of Generator::read().
  void stop_using();
  Result<void> use(Session& session, Decoder& decoder);
  // Of all answers so far.
  double prompt_seconds() const { return prompt_seconds_; }
  double generate_seconds() const { return generate_seconds_; }
  // The model and the size of its context, in a few words for the user.
  std::string about() const;

 private:
  struct Place {  // of the sequence
    StreamMark mark;
    std::string text;  // what it holds there
  };
  ChatSession(ChatOptions options, SamplingOptions sampling, AnswerFlags ends, Session& session,
              Decoder& decoder, const Tokenizer& tokenizer, Sampler sampler,
              std::optional<ChatTemplate> chat_template);

  bool raw() const { return !template_; }
  Result<Answer> answer();
  Result<Answer> continue_text(const std::string& text);
  Result<ChatPrompt> prompt(bool opens_answer) const;
  Result<TokenConstraint*> constraint(bool in_thought);
  size_t go_back_for(const std::string& text);
  Result<Answer> generate(std::span<const TokenId> tokens, bool in_thought, OutputParser& parser);
  Result<Answer> read(std::span<const TokenId> tokens);
  Options settable();
  Result<Sampler> remade_sampler(bool new_seed) const;
  Result<void> check_room(size_t n_tokens) const;
  void report(const Answer& answer);

  ChatOptions options_;
  SamplingOptions sampling_;
  AnswerFlags ends_;
  Session* session_;
  Decoder* decoder_;
  const Tokenizer& tokenizer_;
  Sampler sampler_;
  std::optional<Generator> generator_;
  std::optional<ChatTemplate> template_;  // none: messages are continued as they are
  Conversation conversation_;
  // What the answer must be: copies of these, begun outside and inside a thought. Made when first needed.
  std::shared_ptr<const TokenTrie> trie_;
  std::array<std::optional<GrammarConstraint>, 2> rules_;
  std::optional<GrammarConstraint> rule_;  // of the answer that is being made
  std::string attached_;
  std::string held_;                    // the text that the sequence holds
  std::optional<Place> before_answer_;  // where the last answer was opened
  std::string last_raw_;                // the last message without a template
  std::vector<TokenId> said_raw_;       // of a sequence that is lost
  bool prepared_ = false;
  double prompt_seconds_ = 0, generate_seconds_ = 0;
};

}  // namespace gannet
