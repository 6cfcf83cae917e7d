#include "chat/template_values.h"

#include <fmt/core.h>

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "chat/reader.h"

namespace gannet {
namespace {

using jinja::Value;
using Entries = std::vector<std::pair<Value, Value>>;

void put(Entries* entries, const char* key, Value value) {
  entries->emplace_back(Value::own_string(key), std::move(value));
}

// Integers that templates cannot hold become numbers they can.
void round_large_integers(nlohmann::ordered_json* json) {
  if (json->is_number_unsigned() && json->get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()}) {
    *json = static_cast<double>(json->get<uint64_t>());
  } else if (json->is_structured()) {
    for (auto& item : *json) round_large_integers(&item);
  }
}

Result<Value> template_call(const ToolCall& call, bool string_arguments, const std::string& where) {
  Entries function;
  put(&function, "name", Value::foreign_string(call.name));
  if (string_arguments) {
    put(&function, "arguments", Value::foreign_string(call.arguments));
  } else {
    const std::string name = where + ".function.arguments";
    const auto arguments = GANNET_TRY(read_json(call.arguments, name));
    auto value = foreign_value(arguments);
    if (!value.ok()) return std::move(value).take_error().with_context(name);
    put(&function, "arguments", value.take());
  }
  Entries entries;
  if (!call.id.empty()) put(&entries, "id", Value::foreign_string(call.id));
  put(&entries, "type", Value::own_string("function"));
  put(&entries, "function", Value::dict(std::move(function)));
  return Value::dict(std::move(entries));
}

}  // namespace

Result<Value> foreign_value(const nlohmann::ordered_json& json) {
  nlohmann::ordered_json copy = json;
  round_large_integers(&copy);
  auto value = Value::from_json(copy, true);
  if (!value.ok()) return Error(ErrorCode::kUsage, value.error().message());
  return value;
}

Result<Value> template_messages(const std::vector<Message>& messages, bool string_arguments) {
  std::vector<Value> list;
  for (size_t i = 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    Entries entries;
    put(&entries, "role", Value::own_string(std::string(role_name(message.role))));
    put(&entries, "content", Value::foreign_string(message.content));
    if (message.reasoning) put(&entries, "reasoning_content", Value::foreign_string(*message.reasoning));
    if (!message.name.empty()) put(&entries, "name", Value::foreign_string(message.name));
    if (!message.call_id.empty()) put(&entries, "tool_call_id", Value::foreign_string(message.call_id));
    std::vector<Value> calls;
    for (size_t c = 0; c < message.calls.size(); ++c) {
      const std::string where = fmt::format("messages[{}].tool_calls[{}]", i, c);
      calls.push_back(GANNET_TRY(template_call(message.calls[c], string_arguments, where)));
    }
    if (!calls.empty()) put(&entries, "tool_calls", Value::list(std::move(calls)));
    list.push_back(Value::dict(std::move(entries)));
  }
  return Value::list(std::move(list));
}

Result<Value> template_tools(const std::vector<Tool>& tools) {
  if (tools.empty()) return Value::none();
  std::vector<Value> list;
  for (size_t i = 0; i < tools.size(); ++i) {
    auto value = foreign_value(tools[i].declaration);
    if (!value.ok()) return std::move(value).take_error().with_context(fmt::format("tools[{}]", i));
    list.push_back(value.take());
  }
  return Value::list(std::move(list));
}

}  // namespace gannet
