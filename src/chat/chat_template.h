// A model's own chat template put to use: conversations become prompts, and what the template can do is found
// out by rendering small conversations (template_facts.h), never by names of models.
//
//   auto chat = ChatTemplate::make(source, {{"bos_token", bos}, {"eos_token", eos}});
//   auto prompt = chat->render(conversation);
//   auto tokens = tokenizer.encode(prompt->text);
//   OutputParser parser(chat->output_options(conversation, *prompt));
//
// Every string of a conversation (texts, names, arguments, declarations) is foreign in the prompt: control
// tokens written in it stay text. What the template says itself, and the names of roles, are not.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "chat/message.h"
#include "chat/output_parser.h"
#include "chat/template_facts.h"
#include "jinja/template.h"
#include "text/marked_text.h"

namespace gannet {

struct RenderOptions {
  // False: end behind the last message instead of where an answer begins.
  bool add_generation_prompt = true;
  // A last message of the assistant is continued: the prompt ends exactly behind its content, or, if it has
  // only thoughts, behind those. False: it is a message like others.
  bool continue_last = true;
  // Unset: as the template does it. Has no effect on templates that cannot (see TemplateFacts).
  std::optional<bool> thinking = {};
  std::optional<bool> preserve_thinking = {};  // keep old thoughts in the prompt
  // Variables of the template by name (chat_template_kwargs): an object, or null. They win over all others
  // but messages and tools.
  nlohmann::ordered_json variables = {};
  std::optional<std::chrono::local_seconds> now = {};  // for strftime_now(); the system's clock if unset
};

struct ChatPrompt {
  MarkedText text;
  bool in_thought = false;  // the answer starts inside a thought
  bool continued = false;   // the answer continues the last message
};

// Immutable: every method may be called from several threads at once.
class ChatTemplate {
 public:
  // `tokens`: texts of special tokens by the names that templates know them by: bos_token, eos_token, ...
  // Errors: what JinjaTemplate::parse() refuses, and a template that cannot render a message of a user or
  // does not show it (both kModelFile).
  static Result<ChatTemplate> make(std::string_view source,
                                   std::vector<std::pair<std::string, std::string>> tokens);

  // ChatML without tools, for files that hold no template.
  static std::string_view chatml();

  const TemplateFacts& facts() const { return facts_; }

  // Changes first what the template does not take: late system messages are merged into the first, and what
  // the facts say. Errors, besides those of JinjaTemplate::render() (kUsage: the template refuses this
  // conversation): tools when the template shows none, `variables` that are no object, a last message with
  // calls or nothing that is to be continued (all kUsage).
  Result<ChatPrompt> render(const Conversation& conversation, const RenderOptions& options = {}) const;

  // How to read the answer to a prompt. Keeps a view of the conversation's tools.
  OutputOptions output_options(const Conversation& conversation, const ChatPrompt& prompt) const;

 private:
  ChatTemplate(JinjaTemplate jinja, std::vector<std::pair<std::string, std::string>> tokens)
      : jinja_(std::move(jinja)), tokens_(std::move(tokens)) {}
  friend class TemplateProbe;

  Result<std::vector<Message>> fit(const Conversation& conversation) const;
  Result<MarkedText> render_messages(const std::vector<Message>& messages, const std::vector<Tool>& tools,
                                     const RenderOptions& options, bool generation_prompt) const;
  Result<ChatPrompt> render_continued(std::vector<Message> messages, const std::vector<Tool>& tools,
                                      const RenderOptions& options) const;

  JinjaTemplate jinja_;
  std::vector<std::pair<std::string, std::string>> tokens_;
  TemplateFacts facts_;
  bool tools_as_list_ = false;  // no tools are an empty list, not none
  JinjaLimits limits_;
};

}  // namespace gannet
