// Conversations as clients send them: messages and tools in the JSON of OpenAI's chat completions, which
// files use too. Unknown fields are ignored; a known one of the wrong type is an Error (kUsage) that names
// it, as in "messages[3].tool_calls[0].function.arguments: ...". Must not know: HTTP, templates, models.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/message.h"

namespace gannet {

// An array of messages, not empty. Each needs a `role`: system or developer (which become one), user,
// assistant or tool.
//   content            a string, null, or an array of parts {"type": "text", "text": ...}, which are joined.
//                      Other parts (images, audio, files) are refused, not left out
//   reasoning_content  (or `reasoning`) of an assistant: a string
//   tool_calls         of an assistant: {"id", "function": {"name", "arguments"}}; arguments are the object
//                      itself or a string that holds it. Missing ones, and an empty string, are {}
//   tool_call_id, name strings
// A user or tool message without content is refused; an assistant's may be empty.
Result<std::vector<Message>> read_messages(const nlohmann::ordered_json& messages);

// An array of {"type": "function", "function": {"name", "description", "parameters"}}; null is no tools.
// Names are 1 to 256 bytes without white space, `<`, `>` and `"`, each once. `parameters` must be an object
// where there are any.
Result<std::vector<Tool>> read_tools(const nlohmann::ordered_json& tools);

// {"messages": [...], "tools": [...]}, or the array of messages alone.
Result<Conversation> read_conversation(const nlohmann::ordered_json& conversation);

// JSON text nested at most 200 deep, within strings of well-formed UTF-8, whose objects have no more than
// some thousands of members. Errors (kUsage) begin with `name`.
Result<nlohmann::ordered_json> read_json(std::string_view text, const std::string& name);

// Where a system message is not the first message: all of them as one at the start, their texts an empty line
// apart, in their order. Templates take no others. Whether anything changed.
bool merge_system_messages(std::vector<Message>* messages);

// The message as clients get and send it back. `content` is null when there are calls and no text.
nlohmann::ordered_json message_json(const Message& message);

}  // namespace gannet
