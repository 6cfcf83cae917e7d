#include "chat/reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "base/printable.h"
#include "chat/json_scanner.h"
#include "text/utf8.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

Error wrong(const std::string& where, std::string_view what) {
  return Error(ErrorCode::kUsage, fmt::format("{}: {}", where, what));
}

std::string_view kind_of(const Json& json) {
  if (json.is_boolean()) return "a boolean";
  if (json.is_number()) return "a number";
  if (json.is_string()) return "a string";
  if (json.is_array()) return "an array";
  return json.is_object() ? "an object" : "null";
}

Error wrong_kind(const std::string& where, std::string_view wanted, const Json& json) {
  return wrong(where, fmt::format("must be {}, not {}", wanted, kind_of(json)));
}

// The member of an object; null where it is missing or null.
const Json* member(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<std::string> text_member(const Json& object, const char* key, const std::string& where) {
  const Json* value = member(object, key);
  if (!value) return std::string();
  if (!value->is_string()) return wrong_kind(where + "." + key, "a string", *value);
  return value->get<std::string>();
}

Result<Role> read_role(const Json& message, const std::string& where) {
  const Json* role = member(message, "role");
  if (!role) return wrong(where + ".role", "is missing");
  if (!role->is_string()) return wrong_kind(where + ".role", "a string", *role);
  const auto& name = role->get_ref<const std::string&>();
  if (name == "system" || name == "developer") return Role::kSystem;
  if (name == "user") return Role::kUser;
  if (name == "assistant") return Role::kAssistant;
  if (name == "tool") return Role::kTool;
  return wrong(where + ".role", fmt::format("\"{}\" is not one of system, developer, user, assistant, tool",
                                            printable(name, 64)));
}

Result<std::string> read_content(const Json& content, const std::string& where) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) return wrong_kind(where, "a string or an array of parts", content);
  std::string text;
  for (size_t i = 0; i < content.size(); ++i) {
    const std::string part_name = fmt::format("{}[{}]", where, i);
    const Json& part = content[i];
    if (part.is_string()) {
      text += part.get_ref<const std::string&>();
      continue;
    }
    if (!part.is_object()) return wrong_kind(part_name, "an object", part);
    const auto type = GANNET_TRY(text_member(part, "type", part_name));
    if (type.empty()) return wrong(part_name + ".type", "is missing");
    if (type != "text" && type != "input_text" && type != "output_text") {
      return wrong(part_name,
                   fmt::format("parts of type \"{}\" are not supported, only text", printable(type, 64)));
    }
    if (!member(part, "text")) return wrong(part_name + ".text", "is missing");
    text += GANNET_TRY(text_member(part, "text", part_name));
  }
  return text;
}

Result<std::string> read_arguments(const Json& function, const std::string& where) {
  const Json* arguments = member(function, "arguments");
  if (!arguments) return std::string("{}");
  if (arguments->is_object()) return arguments->dump(-1, ' ', false, Json::error_handler_t::replace);
  if (!arguments->is_string())
    return wrong_kind(where, "a JSON object or a string that holds one", *arguments);
  const auto& text = arguments->get_ref<const std::string&>();
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return std::string("{}");
  const Json parsed = GANNET_TRY(read_json(text, where));
  if (!parsed.is_object())
    return wrong(where, fmt::format("the string must hold a JSON object, not {}", kind_of(parsed)));
  return text;
}

Result<ToolCall> read_call(const Json& call, const std::string& where) {
  if (!call.is_object()) return wrong_kind(where, "an object", call);
  if (const auto type = GANNET_TRY(text_member(call, "type", where)); !type.empty() && type != "function") {
    return wrong(where + ".type", fmt::format("\"{}\" is not supported, only function", printable(type, 64)));
  }
  const Json* function = member(call, "function");
  if (!function) return wrong(where + ".function", "is missing");
  if (!function->is_object()) return wrong_kind(where + ".function", "an object", *function);
  ToolCall result;
  result.id = GANNET_TRY(text_member(call, "id", where));
  result.name = GANNET_TRY(text_member(*function, "name", where + ".function"));
  if (result.name.empty()) return wrong(where + ".function.name", "is missing");
  result.arguments = GANNET_TRY(read_arguments(*function, where + ".function.arguments"));
  return result;
}

Result<Message> read_message(const Json& message, const std::string& where) {
  if (!message.is_object()) return wrong_kind(where, "an object", message);
  Message result;
  result.role = GANNET_TRY(read_role(message, where));
  const Json* content = member(message, "content");
  if (content) result.content = GANNET_TRY(read_content(*content, where + ".content"));
  if (!content && (result.role == Role::kUser || result.role == Role::kTool)) {
    return wrong(where + ".content", "is missing");
  }
  result.name = GANNET_TRY(text_member(message, "name", where));
  result.call_id = GANNET_TRY(text_member(message, "tool_call_id", where));
  for (const char* key : {"reasoning", "reasoning_content"}) {
    if (!member(message, key)) continue;
    auto reasoning = GANNET_TRY(text_member(message, key, where));
    if (result.role == Role::kAssistant) result.reasoning = std::move(reasoning);
  }
  if (const Json* calls = member(message, "tool_calls")) {
    if (!calls->is_array()) return wrong_kind(where + ".tool_calls", "an array", *calls);
    if (result.role != Role::kAssistant && !calls->empty()) {
      return wrong(where + ".tool_calls", "belong to assistant messages");
    }
    for (size_t i = 0; i < calls->size(); ++i) {
      result.calls.push_back(GANNET_TRY(read_call((*calls)[i], fmt::format("{}.tool_calls[{}]", where, i))));
    }
  }
  return result;
}

Result<Tool> read_tool(const Json& tool, const std::string& where) {
  if (!tool.is_object()) return wrong_kind(where, "an object", tool);
  const auto type = GANNET_TRY(text_member(tool, "type", where));
  if (!type.empty() && type != "function") {
    return wrong(where + ".type", fmt::format("\"{}\" is not supported, only function", printable(type, 64)));
  }
  const Json* function = member(tool, "function");
  if (!function) return wrong(where + ".function", "is missing");
  if (!function->is_object()) return wrong_kind(where + ".function", "an object", *function);
  Tool result{GANNET_TRY(text_member(*function, "name", where + ".function")), tool};
  const std::string name_name = where + ".function.name";
  if (result.name.empty()) return wrong(name_name, "is missing");
  // Such a name could not be told from the tags around it.
  const auto bad = [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '<' || c == '>' || c == '"';
  };
  if (result.name.size() > 256) return wrong(name_name, "is longer than 256 bytes");
  if (std::any_of(result.name.begin(), result.name.end(), bad)) {
    return wrong(name_name,
                 fmt::format("\"{}\" has white space, '<', '>' or '\"' in it", printable(result.name, 64)));
  }
  GANNET_TRY(text_member(*function, "description", where + ".function"));
  const Json* parameters = member(*function, "parameters");
  if (parameters && !parameters->is_object())
    return wrong_kind(where + ".function.parameters", "an object", *parameters);
  if (!result.declaration.contains("type")) result.declaration["type"] = "function";
  return result;
}

}  // namespace

Result<std::vector<Message>> read_messages(const Json& messages) {
  if (!messages.is_array()) return wrong_kind("messages", "an array", messages);
  if (messages.empty()) return wrong("messages", "is empty: at least one message is needed");
  std::vector<Message> result;
  for (size_t i = 0; i < messages.size(); ++i) {
    result.push_back(GANNET_TRY(read_message(messages[i], fmt::format("messages[{}]", i))));
  }
  return result;
}

Result<std::vector<Tool>> read_tools(const Json& tools) {
  std::vector<Tool> result;
  if (tools.is_null()) return result;
  if (!tools.is_array()) return wrong_kind("tools", "an array", tools);
  std::set<std::string> names;
  for (size_t i = 0; i < tools.size(); ++i) {
    const std::string where = fmt::format("tools[{}]", i);
    result.push_back(GANNET_TRY(read_tool(tools[i], where)));
    if (!names.insert(result.back().name).second) {
      return wrong(where + ".function.name",
                   fmt::format("\"{}\" is declared twice", printable(result.back().name, 64)));
    }
  }
  return result;
}

Result<Conversation> read_conversation(const Json& conversation) {
  Conversation result;
  if (conversation.is_array()) {
    result.messages = GANNET_TRY(read_messages(conversation));
    return result;
  }
  if (!conversation.is_object())
    return wrong_kind("the conversation", "an object or an array of messages", conversation);
  const auto messages = conversation.find("messages");
  if (messages == conversation.end()) return wrong("messages", "is missing");
  result.messages = GANNET_TRY(read_messages(*messages));
  if (const Json* tools = member(conversation, "tools")) result.tools = GANNET_TRY(read_tools(*tools));
  return result;
}

Result<Json> read_json(std::string_view text, const std::string& name) {
  // nlohmann's reader has no limit of depth, and looks through all members of an object for each new one:
  // both are counted outside strings first.
  constexpr size_t kMostDepth = 200;
  constexpr size_t kMostComparisons = 100'000'000;  // a fraction of a second; one object of 14,000 members
  std::vector<size_t> members;                      // of the objects that are open
  size_t comparisons = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      members.push_back(0);
      if (members.size() > kMostDepth) return wrong(name, "is nested more than 200 deep");
    } else if (members.empty()) {
      continue;
    } else if (c == '}' || c == ']') {
      members.pop_back();
    } else if (c == ':') {
      comparisons += members.back()++;
      if (comparisons > kMostComparisons) return wrong(name, "has objects with too many members");
    }
  }
  try {  // the library tells what is wrong, and where, by exceptions only
    return Json::parse(text);
  } catch (const Json::exception& error) {
    const std::string_view what = error.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 3: ..."
    const size_t from = what.find("] ");
    return wrong(name, "is not JSON: " + printable(what.substr(from == what.npos ? 0 : from + 2), 300));
  }
}

bool merge_system_messages(std::vector<Message>* messages) {
  const auto is_system = [](const Message& message) { return message.role == Role::kSystem; };
  const auto late = [&] { return std::find_if(messages->begin() + 1, messages->end(), is_system); };
  if (messages->empty() || late() == messages->end()) return false;
  Message merged;
  merged.role = Role::kSystem;
  for (const Message& message : *messages) {
    if (!is_system(message) || message.content.empty()) continue;
    if (!merged.content.empty()) merged.content += "\n\n";
    merged.content += message.content;
  }
  std::erase_if(*messages, is_system);
  messages->insert(messages->begin(), std::move(merged));
  return true;
}

Json message_json(const Message& message) {
  Json json{{"role", role_name(message.role)}};
  if (message.reasoning) json["reasoning_content"] = *message.reasoning;
  json["content"] = message.content;
  if (!message.calls.empty() && message.content.empty()) json["content"] = nullptr;
  if (!message.name.empty()) json["name"] = message.name;
  if (!message.call_id.empty()) json["tool_call_id"] = message.call_id;
  for (const ToolCall& call : message.calls) {
    json["tool_calls"].push_back({{"id", call.id},
                                  {"type", "function"},
                                  {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
  }
  return json;
}

}  // namespace gannet
