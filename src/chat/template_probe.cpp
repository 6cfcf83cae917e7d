#include "chat/template_probe.h"

#include <fmt/core.h>

#include <algorithm>

#include "chat/call_text.h"

namespace gannet {
namespace {

// Words that no template says.
constexpr const char *kSystemWord = "zq7system", *kUserWord = "zq7user", *kAnswerWord = "zq7answer",
                     *kThoughtWord = "zq7thought", *kToolWord = "zq7tool", *kKeyWord = "zq7key",
                     *kValueWord = "zq7value", *kResultWord = "zq7result";

Message message(Role role, std::string content) {
  Message made;
  made.role = role;
  made.content = std::move(content);
  return made;
}

Message user() {
  return message(Role::kUser, kUserWord);
}

Message thinking_answer() {
  Message made = message(Role::kAssistant, kAnswerWord);
  made.reasoning = kThoughtWord;
  return made;
}

Message calling_answer() {
  Message made = message(Role::kAssistant, "");
  made.calls.push_back({.id = "zq7id0000", .name = kToolWord, .arguments = R"({"zq7key":"zq7value"})"});
  return made;
}

Message result() {
  Message made = message(Role::kTool, kResultWord);
  made.call_id = "zq7id0000";
  made.name = kToolWord;
  return made;
}

Tool tool() {
  return {kToolWord,
          {{"type", "function"},
           {"function",
            {{"name", kToolWord},
             {"description", "A tool."},
             {"parameters",
              {{"type", "object"},
               {"properties", {{kKeyWord, {{"type", "string"}, {"description", "A key."}}}}},
               {"required", {kKeyWord}}}}}}}};
}

bool has(const std::optional<std::string>& text, std::string_view part) {
  return text && text->find(part) != std::string::npos;
}

// The format of the call in `text`, where its function's name is `name`.
CallFormat format_of(std::string_view text, std::string_view name) {
  for (size_t at = text.find(kCallOpen); at != std::string_view::npos; at = text.find(kCallOpen, at + 1)) {
    Ahead ahead(text.substr(at + kCallOpen.size()), true);
    if (ahead.spaces() != Look::kYes) continue;
    if (ahead.next() == '{') {
      const std::string_view json = text.substr(at + kCallOpen.size(), text.find(kCallClose, at) - at);
      if (json.find("\"name\"") != std::string_view::npos && json.find(name) != std::string_view::npos)
        return CallFormat::kHermes;
    }
    std::string_view function;
    if (ahead.named(kFunctionOpen, &function) == Look::kYes && (name.empty() || function == name))
      return CallFormat::kTagged;
  }
  return CallFormat::kNone;
}

}  // namespace

std::optional<std::string> TemplateProbe::text(const std::vector<Message>& messages,
                                               const std::vector<Tool>& tools, bool generation_prompt,
                                               const std::vector<Switch>& switches) const {
  RenderOptions options;
  for (const auto& [name, on] : switches) options.variables[name] = on;
  auto rendered = chat_->render_messages(messages, tools, options, generation_prompt);
  if (!rendered.ok()) return std::nullopt;
  return std::move(rendered->text);
}

Result<void> TemplateProbe::run() {
  auto one = chat_->render_messages({user()}, {}, {}, true);
  if (!one.ok()) {
    chat_->tools_as_list_ = true;
    if (auto other = chat_->render_messages({user()}, {}, {}, true); other.ok()) one = std::move(other);
  }
  if (!one.ok()) {
    return Error(ErrorCode::kModelFile,
                 "the chat template cannot render a message of a user: " + one.error().message());
  }
  if (one->text.find(kUserWord) == std::string::npos)
    return Error(ErrorCode::kModelFile, "the chat template does not show what a user says");
  find_roles();
  find_calls();
  find_thoughts();
  return {};
}

void TemplateProbe::find_roles() {
  facts_->system_into_user = !has(text({message(Role::kSystem, kSystemWord), user()}), kSystemWord);
  facts_->merges_users = !text({user(), user()});
}

void TemplateProbe::find_calls() {
  const std::vector<Tool> tools{tool()};
  const auto declared = text({user()}, tools, true), bare = text({user()}, {}, true);
  facts_->tools = has(declared, kToolWord);
  // What the model is told decides; where it is told nothing, how its calls are written.
  const std::vector<Message> history{user(), calling_answer(), result()};
  auto called = text(history, tools);
  if (!has(called, kValueWord)) {
    facts_->string_arguments = true;
    if (const auto by_string = text(history, tools); has(by_string, kValueWord)) {
      called = by_string;
    } else {
      facts_->string_arguments = false;
    }
  }
  if (called) facts_->calls = format_of(*called, kToolWord);
  if (facts_->calls == CallFormat::kNone && declared && facts_->tools)
    facts_->calls = format_of(*declared, "");
  facts_->results_into_user =
      !has(called, kResultWord) &&
      !has(text({user(), message(Role::kAssistant, kAnswerWord), result()}, tools), kResultWord);
}

std::string TemplateProbe::answer_opening(const std::vector<Switch>& switches) const {
  const auto with = text({user()}, {}, true, switches), without = text({user()}, {}, false, switches);
  if (!with || !without) return {};
  const auto part = std::mismatch(with->begin(), with->end(), without->begin(), without->end()).first;
  return std::string(part, with->end());
}

bool TemplateProbe::shows_old_thought(const std::vector<Switch>& switches) const {
  return has(text({user(), thinking_answer(), user()}, {}, true, switches), kThoughtWord);
}

void TemplateProbe::find_thoughts() {
  const auto open_thought = [](const std::string& opening) {
    const size_t open = opening.rfind(kThoughtOpen), close = opening.rfind(kThoughtClose);
    return open != std::string::npos && (close == std::string::npos || close < open);
  };
  const std::string opening = answer_opening();
  facts_->opens_thought = open_thought(opening);
  for (const char* name : {"enable_thinking", "thinking"}) {
    if (!chat_->jinja_.mentions(name)) continue;
    const std::string on = answer_opening({{name, true}}), off = answer_opening({{name, false}});
    if (on == off) continue;
    facts_->thinking_switch = name;
    facts_->thinks_by_default = opening == on;
    break;
  }
  const auto current = text({user(), thinking_answer()});
  const size_t thought = current ? current->find(kThoughtWord) : std::string::npos;
  const bool tagged = thought != std::string::npos &&
                      current->rfind(kThoughtOpen, thought) != std::string::npos &&
                      current->find(kThoughtClose, thought) != std::string::npos;
  // Templates that know thoughts only as part of the content cut them out of old answers.
  const auto inside =
      text({user(),
            message(Role::kAssistant, fmt::format("<think>\n{}\n</think>\n\n{}", kThoughtWord, kAnswerWord)),
            user()});
  const bool cuts = has(inside, kAnswerWord) && !has(inside, kThoughtWord);
  std::string unthinking;
  if (!facts_->thinking_switch.empty()) unthinking = answer_opening({{facts_->thinking_switch, false}});
  const bool in_opening = (opening + unthinking).find(kThoughtClose) != std::string::npos;
  facts_->thoughts = facts_->opens_thought || in_opening || tagged || cuts;
  if (facts_->thinking_switch.empty()) facts_->thinks_by_default = facts_->thoughts;
  facts_->keeps_thoughts = facts_->thoughts && shows_old_thought({});
  facts_->can_keep_thoughts =
      facts_->thoughts && !facts_->keeps_thoughts && shows_old_thought({{"preserve_thinking", true}});
}

std::string TemplateFacts::describe() const {
  std::string text = "thoughts: ";
  text += !thoughts ? "none" : opens_thought ? "opened by the prompt" : "opened by the model";
  if (!thinking_switch.empty())
    text += ", switch " + thinking_switch + (thinks_by_default ? " (on)" : " (off)");
  if (thoughts)
    text += keeps_thoughts      ? ", old ones kept"
            : can_keep_thoughts ? ", old ones dropped unless preserve_thinking"
                                : ", old ones dropped";
  text += "; tools: ";
  text += tools ? "shown" : "not shown";
  text += ", calls: " + std::string(call_format_name(calls));
  if (string_arguments) text += " (arguments as text)";
  if (system_into_user) text += "; the system text goes into the first user message";
  if (merges_users) text += "; user messages in a row are joined";
  if (results_into_user) text += "; tool results are user messages";
  return text;
}

}  // namespace gannet
