// What a conversation is made of, whoever brings it: a server, a file, the terminal. Plain values; reader.h
// makes them from JSON and chat_template.h turns them into a prompt.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gannet {

enum class Role { kSystem, kUser, kAssistant, kTool };
std::string_view role_name(Role role);  // "system", ...

// A call of a function by the model.
struct ToolCall {
  std::string id, name;
  std::string arguments = "{}";  // the text of a JSON object
  // False when the text ended inside the call: what `arguments` holds is valid JSON, but its last string may
  // be cut short and arguments may be missing. Such a call should not be carried out.
  bool complete = true;
  friend bool operator==(const ToolCall&, const ToolCall&) = default;
};

struct Message {
  Role role = Role::kUser;
  std::string content = {};
  std::optional<std::string> reasoning = {};  // the thoughts of an assistant
  std::vector<ToolCall> calls = {};           // of an assistant
  std::string call_id = {};                   // of a tool's result: the call it answers; may be empty
  std::string name = {};                      // of a tool's result or a participant; may be empty
  friend bool operator==(const Message&, const Message&) = default;
};

// A function that the model may call.
struct Tool {
  std::string name;
  nlohmann::ordered_json declaration;  // as the client sent it: {"type": "function", "function": {...}}
  friend bool operator==(const Tool&, const Tool&) = default;

  // The schema of its arguments; null when it has none.
  const nlohmann::ordered_json* parameters() const {
    const auto function = declaration.find("function");
    if (function == declaration.end() || !function->is_object()) return nullptr;
    const auto found = function->find("parameters");
    return found == function->end() ? nullptr : &*found;
  }
};

struct Conversation {
  std::vector<Message> messages;
  std::vector<Tool> tools;
};

// How a model writes its calls.
enum class CallFormat {
  kNone,    // in no way we know: calls stay text
  kTagged,  // <tool_call>\n<function=NAME>\n<parameter=KEY>\nVALUE\n</parameter>\n</function>\n</tool_call>
  kHermes,  // <tool_call>\n{"name": NAME, "arguments": {...}}\n</tool_call>
};
std::string_view call_format_name(CallFormat format);  // "none", "tagged", "hermes"

}  // namespace gannet
