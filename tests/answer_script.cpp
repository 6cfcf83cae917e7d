#include "answer_script.h"

#include <algorithm>

#include <fmt/format.h>

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string prompt_text(const GenerationRequest& request) {
  std::string all;
  if (const auto* raw = std::get_if<RawInput>(&request.input))
    for (const RawPrompt& prompt : raw->prompts)
      for (const auto& piece : prompt.pieces)
        if (const auto* text = std::get_if<std::string>(&piece)) all += *text;
  return all;
}

}  // namespace

Result<AnswerRules> AnswerRules::read(const Json& rules) {
  AnswerRules made;
  if (!rules.is_array()) return Error(ErrorCode::kUsage, "the rules are not a list");
  for (const Json& json : rules) {
    const auto wrong = [&](const std::string& what) {
      return Error(ErrorCode::kUsage, fmt::format("rule {}: {}", made.rules_.size(), what));
    };
    if (!json.is_object() || !json.contains("text")) return wrong("is no object with a text");
    Rule rule;
    for (const auto& [key, value] : json.items()) {
      if (key == "round") {
        if (!value.is_number_integer()) return wrong("round is no whole number");
        rule.round = value.get<int64_t>();
        continue;
      }
      if (!value.is_string()) return wrong(key + " is no text");
      if (key == "text")
        rule.text = value;
      else if (key == "user")
        rule.user = value;
      else if (key == "system")
        rule.system = value;
      else if (key == "tool")
        rule.tool = value;
      else if (key == "result")
        rule.result = value;
      else if (key == "thought")
        rule.thought = value;
      else
        return wrong(key + " means nothing");
    }
    made.rules_.push_back(std::move(rule));
  }
  return made;
}

bool AnswerRules::holds(const Rule& rule, const GenerationRequest& request) {
  const ChatInput* chat = request.chat();
  if (chat == nullptr)
    return rule.user && contains(prompt_text(request), *rule.user) && !rule.system && !rule.tool &&
           !rule.result && !rule.round;
  const auto& messages = chat->conversation.messages;
  const auto last_user = std::find_if(messages.rbegin(), messages.rend(),
                                      [](const Message& m) { return m.role == Role::kUser; });
  if (rule.user && (last_user == messages.rend() || !contains(last_user->content, *rule.user))) return false;
  if (rule.system && std::ranges::none_of(messages, [&](const Message& m) {
        return m.role == Role::kSystem && contains(m.content, *rule.system);
      }))
    return false;
  if (rule.tool && std::ranges::none_of(chat->conversation.tools,
                                        [&](const Tool& tool) { return tool.name == *rule.tool; }))
    return false;
  if (rule.result && (messages.empty() || messages.back().role != Role::kTool ||
                      !contains(messages.back().content, *rule.result)))
    return false;
  return !rule.round || *rule.round == std::count_if(messages.rbegin(), last_user, [](const Message& m) {
    return m.role == Role::kAssistant;
  });
}

std::optional<std::string> AnswerRules::answer(const GenerationRequest& request, bool in_thought) const {
  const auto rule = std::ranges::find_if(rules_, [&](const Rule& r) { return holds(r, request); });
  if (rule == rules_.end()) return std::nullopt;
  if (!rule->thought && !in_thought) return rule->text;
  return (in_thought ? "" : "<think>\n") + rule->thought.value_or("") + "\n</think>\n\n" + rule->text;
}

}  // namespace gannet
