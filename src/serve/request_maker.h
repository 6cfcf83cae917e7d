// From a neutral request (api/generation.h) to what the scheduler takes: prompt, sampler, constraint, ends.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/generation.h"
#include "chat/chat_template.h"
#include "engine/model.h"
#include "engine/scheduler.h"
#include "grammar/grammar_constraint.h"
#include "serve/request_defaults.h"
#include "text/tokenizer.h"

namespace gannet {

// One answer to be made.
struct MadeRequest {
  Request request;  // without callbacks
  // How to read its text; nothing: as it is (raw prompts). Its tools are views of the neutral request.
  std::optional<OutputOptions> output;
};

// For tests of clients: the text that the answer to a request has, if it is not for the model to say. Where
// `in_thought`, the prompt has opened a thought, which the text goes on. Called by any thread.
using AnswerScript =
    std::function<std::optional<std::string>(const GenerationRequest& request, bool in_thought)>;

// Thread-safe.
class RequestMaker {
 public:
  // All that is referenced must outlive it; `script` may be null. Errors: the chat template of the file
  // cannot be used.
  static Result<std::unique_ptr<RequestMaker>> create(const Model& model, const Tokenizer& tokenizer,
                                                      int64_t n_ctx, const std::string& chat_template,
                                                      RequestDefaults defaults = {},
                                                      AnswerScript script = {});

  // As many as the request has choices. `unique` is part of the ids of calls. Errors have the field of the
  // request in front where one is to blame.
  Result<std::vector<MadeRequest>> make(const GenerationRequest& request);

  // What the template makes of a conversation; the tokens of any input.
  Result<ChatPrompt> prompt_text(const ChatInput& input) const;
  Result<std::vector<TokenId>> prompt_tokens(const GenerationRequest& request) const;
  const ChatTemplate* chat_template() const { return template_ ? &*template_ : nullptr; }
  // The sampling parameters of a request, seed not drawn yet.
  Result<SamplingParams> sampling(const GenerationRequest& request) const;

 private:
  RequestMaker(const Model& model, const Tokenizer& tokenizer, int64_t n_ctx);
  struct Prompt {
    std::vector<TokenId> tokens;
    std::vector<size_t> borders;
    bool in_thought = false;
    std::optional<OutputOptions> output;
  };
  Result<std::vector<Prompt>> prompts(const GenerationRequest& request) const;
  Result<Prompt> chat_prompt(const ChatInput& input) const;
  RenderOptions render_options(const ChatInput& input) const;
  // Null: anything may be said. Every answer needs one of its own.
  Result<std::shared_ptr<TokenConstraint>> constraint(const GenerationRequest& request, bool in_thought);
  Result<std::optional<Grammar>> grammar_of(const GenerationRequest& request) const;

  const Model& model_;
  const Tokenizer& tokenizer_;
  const int64_t n_ctx_;
  AnswerScript script_;
  RequestDefaults defaults_;
  std::optional<ChatTemplate> template_;
  std::mutex mutex_;                       // of the following
  std::shared_ptr<const TokenTrie> trie_;  // made when first needed
};

}  // namespace gannet
