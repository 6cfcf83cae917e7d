#include "chat/chat_template.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <utility>

#include "chat/call_text.h"
#include "chat/reader.h"
#include "chat/template_probe.h"
#include "chat/template_values.h"

namespace gannet {
namespace {

Error refused(std::string message) {
  return Error(ErrorCode::kUsage, std::move(message));
}

void cut_text(MarkedText* text, size_t size) {
  text->text.resize(size);
  while (!text->foreign.empty() && text->foreign.back().begin >= size) text->foreign.pop_back();
  if (!text->foreign.empty()) text->foreign.back().end = std::min(text->foreign.back().end, size);
}

// A text that occurs in none of the messages.
std::string mark_for(const std::vector<Message>& messages) {
  for (size_t n = 0;; ++n) {
    std::string mark = fmt::format("HereItGoesOn{}", n);
    const auto holds = [&](const Message& message) {
      return message.content.find(mark) != std::string::npos ||
             message.reasoning.value_or("").find(mark) != std::string::npos;
    };
    if (std::none_of(messages.begin(), messages.end(), holds)) return mark;
  }
}

void join_users(std::vector<Message>* messages) {
  std::vector<Message> joined;
  for (Message& message : *messages) {
    if (message.role == Role::kUser && !joined.empty() && joined.back().role == Role::kUser) {
      joined.back().content += "\n\n" + message.content;
    } else {
      joined.push_back(std::move(message));
    }
  }
  *messages = std::move(joined);
}

void system_into_user(std::vector<Message>* messages) {
  if (messages->front().role != Role::kSystem) return;
  const std::string system = std::move(messages->front().content);
  messages->erase(messages->begin());
  const auto user = std::find_if(messages->begin(), messages->end(),
                                 [](const Message& message) { return message.role == Role::kUser; });
  if (user != messages->end()) {
    if (!system.empty()) user->content = system + "\n\n" + user->content;
    return;
  }
  Message alone;
  alone.content = system;
  messages->insert(messages->begin(), std::move(alone));
}

// Several results in a row become one message.
void results_into_user(std::vector<Message>* messages) {
  std::vector<Message> changed;
  bool after_result = false;
  for (Message& message : *messages) {
    const bool result = message.role == Role::kTool;
    if (!result) {
      changed.push_back(std::move(message));
    } else {
      if (!after_result) {
        changed.emplace_back();
      } else {
        changed.back().content += '\n';
      }
      changed.back().content += "<tool_response>\n" + message.content + "\n</tool_response>";
    }
    after_result = result;
  }
  *messages = std::move(changed);
}

// Some templates name the function that a result comes from; clients often send the call's id only.
void name_results(std::vector<Message>* messages) {
  std::map<std::string, std::string> names;
  for (Message& message : *messages) {
    for (const ToolCall& call : message.calls) names[call.id] = call.name;
    if (message.role != Role::kTool || !message.name.empty()) continue;
    if (const auto found = names.find(message.call_id); found != names.end()) message.name = found->second;
  }
}

// Whether a text leaves a thought open.
bool ends_in_thought(std::string_view text) {
  const size_t open = text.rfind(kThoughtOpen), close = text.rfind(kThoughtClose);
  return open != std::string_view::npos && (close == std::string_view::npos || close < open);
}

}  // namespace

Result<ChatTemplate> ChatTemplate::make(std::string_view source,
                                        std::vector<std::pair<std::string, std::string>> tokens) {
  ChatTemplate chat(GANNET_TRY(JinjaTemplate::parse(source)), std::move(tokens));
  // There are many small conversations to render, and none of them is worth more.
  constexpr uint64_t kProbeSteps = 1'000'000;
  chat.limits_.steps = kProbeSteps;
  GANNET_TRY(TemplateProbe(&chat).run());
  chat.limits_ = {};
  return chat;
}

std::string_view ChatTemplate::chatml() {
  return "{% for message in messages %}"
         "{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
         "{% endfor %}"
         "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
}

// The messages as the template takes them.
Result<std::vector<Message>> ChatTemplate::fit(const Conversation& conversation) const {
  if (conversation.messages.empty()) return refused("messages: is empty: at least one message is needed");
  if (!conversation.tools.empty() && !facts_.tools) {
    return refused("tools: the chat template of this model does not show tools to it");
  }
  std::vector<Message> messages = conversation.messages;
  merge_system_messages(&messages);
  name_results(&messages);
  if (facts_.system_into_user) system_into_user(&messages);
  if (facts_.results_into_user) results_into_user(&messages);
  if (facts_.merges_users) join_users(&messages);
  return messages;
}

Result<MarkedText> ChatTemplate::render_messages(const std::vector<Message>& messages,
                                                 const std::vector<Tool>& tools, const RenderOptions& options,
                                                 bool generation_prompt) const {
  JinjaVariables variables;
  const auto set = [&](const std::string& name, jinja::Value value) {
    for (auto& [known, old] : variables) {
      if (known == name) {
        old = std::move(value);
        return;
      }
    }
    variables.emplace_back(name, std::move(value));
  };
  for (const auto& [name, text] : tokens_) set(name, jinja::Value::own_string(text));
  set("documents", jinja::Value::none());
  set("add_generation_prompt", jinja::Value::boolean(generation_prompt));
  if (options.thinking && !facts_.thinking_switch.empty()) {
    set(facts_.thinking_switch, jinja::Value::boolean(*options.thinking));
  }
  if (options.preserve_thinking) set("preserve_thinking", jinja::Value::boolean(*options.preserve_thinking));
  if (!options.variables.is_null() && !options.variables.is_object()) {
    return refused("chat_template_kwargs: must be an object");
  }
  if (options.variables.is_object()) {
    for (const auto& [name, value] : options.variables.items()) set(name, GANNET_TRY(foreign_value(value)));
  }
  set("messages", GANNET_TRY(template_messages(messages, facts_.string_arguments)));
  set("tools", tools.empty() && tools_as_list_ ? jinja::Value::list({}) : GANNET_TRY(template_tools(tools)));
  JinjaOptions jinja_options;
  jinja_options.limits = limits_;
  jinja_options.now = options.now;
  return jinja_.render(variables, jinja_options);
}

Result<ChatPrompt> ChatTemplate::render(const Conversation& conversation,
                                        const RenderOptions& options) const {
  std::vector<Message> messages = GANNET_TRY(fit(conversation));
  if (options.add_generation_prompt && options.continue_last && messages.back().role == Role::kAssistant) {
    return render_continued(std::move(messages), conversation.tools, options);
  }
  ChatPrompt prompt;
  prompt.text =
      GANNET_TRY(render_messages(messages, conversation.tools, options, options.add_generation_prompt));
  if (!options.add_generation_prompt || !facts_.thoughts) return prompt;
  // What the template itself says behind the last message.
  const size_t own = prompt.text.foreign.empty() ? 0 : prompt.text.foreign.back().end;
  prompt.in_thought = ends_in_thought(std::string_view(prompt.text.text).substr(own));
  return prompt;
}

// The place where it goes on is marked by a text, and the prompt ends in front of it: whatever the template
// does to white space, the content stays exact.
Result<ChatPrompt> ChatTemplate::render_continued(std::vector<Message> messages,
                                                  const std::vector<Tool>& tools,
                                                  const RenderOptions& options) const {
  Message& last = messages.back();
  const std::string where = fmt::format("messages[{}]", messages.size() - 1);
  if (!last.calls.empty())
    return refused(where + ": an assistant message with tool calls cannot be continued");
  const bool thought = last.content.empty() && !last.reasoning.value_or("").empty();
  ChatPrompt prompt;
  prompt.continued = true;
  prompt.in_thought = thought || (facts_.thoughts && ends_in_thought(last.content));
  const std::string mark = mark_for(messages);
  (thought ? *last.reasoning : last.content) += mark;
  prompt.text = GANNET_TRY(render_messages(messages, tools, options, false));
  const size_t at = prompt.text.text.rfind(mark);
  if (at == std::string::npos) {
    return refused(where + ": cannot be continued, because the chat template does not show " +
                   (thought ? "its thoughts" : "it"));
  }
  cut_text(&prompt.text, at);
  return prompt;
}

OutputOptions ChatTemplate::output_options(const Conversation& conversation, const ChatPrompt& prompt) const {
  OutputOptions options;
  options.tools = conversation.tools;
  options.calls = conversation.tools.empty() ? CallFormat::kNone : facts_.calls;
  options.thoughts = facts_.thoughts;
  options.starts_in_thought = prompt.in_thought;
  return options;
}

}  // namespace gannet
