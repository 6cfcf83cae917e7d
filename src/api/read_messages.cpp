// Anthropic's messages.
#include <fmt/core.h>

#include <unordered_map>

#include "api/read_request.h"
#include "api/request_fields.h"
#include "base/printable.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

// Claude Code begins its first system text with a header that says "cch=" and another number every time: no
// prompt would begin like the one before. The number says nothing to a model.
void make_header_constant(std::string* text) {
  if (!text->starts_with("x-anthropic-billing-header:")) return;
  const size_t line_end = std::min(text->find('\n'), text->size());
  const size_t at = text->find("cch=");
  if (at >= line_end) return;
  const size_t end = std::min(text->find(';', at), line_end);
  text->replace(at + 4, end - at - 4, "0");
}

std::string read_system(const Fields& fields) {
  std::string system;
  const Json* said = fields.find("system");
  if (!said) return system;
  if (said->is_string()) {
    system = said->get<std::string>();
    make_header_constant(&system);
    return system;
  }
  const Json& blocks = fields.list("system");
  for (size_t i = 0; i < blocks.size() && fields.ok(); ++i) {
    const Fields block(blocks[i], fmt::format("system[{}]", i), fields.problem());
    if (block.one_of("type", {"text"}) < 0) {
      block.fail("type", "is missing");
      break;
    }
    std::string text;
    block.needed_text("text", &text);
    make_header_constant(&text);
    if (!system.empty() && !text.empty()) system += "\n\n";
    system += text;
  }
  return system;
}

void append(std::string* text, std::string_view more, std::string_view between) {
  if (!text->empty() && !more.empty()) *text += between;
  *text += more;
}

class MessageReader {
 public:
  MessageReader(GenerationRequest* request, std::vector<Message>* messages)
      : request_(request), messages_(messages) {}

  void read(const Fields& message) {
    if (message.ok() && !message.has("role")) return message.fail("role", "is missing");
    const int role = message.one_of("role", {"user", "assistant", "system"});
    if (role < 0) return;
    now_ = Message();
    now_.role = role == 0 ? Role::kUser : role == 1 ? Role::kAssistant : Role::kSystem;
    said_ = false;
    const Json* content = message.find("content");
    if (!content) return message.fail("content", "is missing");
    if (content->is_string()) {
      now_.content = content->get<std::string>();
      said_ = true;
    } else if (!content->is_array()) {
      return message.fail_kind("content", "a string or an array of blocks", *content);
    } else {
      if (content->empty() && role != 1) message.fail("content", "is empty");
      for (size_t i = 0; i < content->size() && message.ok(); ++i) {
        read_block(
            Fields((*content)[i], fmt::format("{}[{}]", message.path("content"), i), message.problem()));
      }
    }
    // Nothing but results of tools: those are messages already.
    if (said_ || now_.role == Role::kAssistant) messages_->push_back(std::move(now_));
  }

 private:
  void read_block(const Fields& block) {
    std::string type;
    block.needed_text("type", &type);
    if (!block.ok()) return;
    const bool assistant = now_.role == Role::kAssistant;
    if (type == "text") {
      std::string text;
      block.needed_text("text", &text);
      // The blocks of an answer are pieces of one text; those of a user are texts.
      append(&now_.content, text, assistant ? "" : "\n");
      said_ = true;
    } else if (type == "thinking" && assistant) {
      std::string text;
      block.needed_text("thinking", &text);
      now_.reasoning = now_.reasoning.value_or("") + text;
    } else if (type == "tool_use" && assistant) {
      ToolCall call;
      block.needed_text("id", &call.id);
      block.needed_text("name", &call.name);
      if (block.ok() && call.name.empty()) block.fail("name", "is empty");
      call.arguments = read_arguments(block, "input");
      names_[call.id] = call.name;
      now_.calls.push_back(std::move(call));
    } else if (type == "tool_result" && now_.role == Role::kUser) {
      read_result(block);
    } else if (type == "image" || type == "document" || type == "container_upload") {
      block.fail("type", fmt::format("\"{}\" is not supported, only text", type));
    } else if (type == "tool_use" || type == "tool_result" || type == "thinking") {
      block.fail("type", fmt::format("\"{}\" does not belong to messages of this role", type));
    } else if (type != "redacted_thinking") {  // which nobody but its maker can read
      warn(request_,
           fmt::format("{}: blocks of type \"{}\" are skipped", block.path("type"), printable(type, 64)));
    }
  }

  void read_result(const Fields& block) {
    if (said_) {  // what the user said in front of it stays in front
      messages_->push_back(std::move(now_));
      now_ = Message();
      said_ = false;
    }
    Message result;
    result.role = Role::kTool;
    block.needed_text("tool_use_id", &result.call_id);
    bool failed = false;
    block.boolean("is_error", &failed);
    result.content = read_parts(block, "content", {"text"}, "\n");
    if (failed) result.content = "Error: " + result.content;
    // Some templates want the name of what was called.
    if (const auto call = names_.find(result.call_id); call != names_.end()) result.name = call->second;
    messages_->push_back(std::move(result));
  }

  GenerationRequest* request_;
  std::vector<Message>* messages_;
  Message now_;
  bool said_ = false;                                   // now_ has a text
  std::unordered_map<std::string, std::string> names_;  // of functions, by the ids of their calls
};

void read_choice(const Fields& fields, const std::vector<Tool>& tools, GenerationRequest* request) {
  if (!fields.has("tool_choice")) return;
  const Fields choice = fields.object("tool_choice");
  if (fields.ok() && !choice.has("type")) choice.fail("type", "is missing");
  const int type = choice.one_of("type", {"auto", "any", "tool", "none"});
  using Mode = ToolChoice::Mode;
  request->tool_choice.mode = type == 3                ? Mode::kNone
                              : type == 1 || type == 2 ? Mode::kRequired
                                                       : Mode::kAuto;
  if (type == 2) {
    choice.needed_text("name", &request->tool_choice.names.emplace_back());
    if (fields.ok()) check_tool_names(choice, "name", tools, request->tool_choice.names);
  }
  if (request->tool_choice.mode == Mode::kRequired && tools.empty()) {
    fields.fail("tool_choice", "a call is required, but there are no tools");
  }
  bool alone = false;
  choice.boolean("disable_parallel_tool_use", &alone);
  request->parallel_calls = !alone;
}

void read_thoughts(const Fields& fields, GenerationRequest* request, RenderOptions* render) {
  read_thinking(fields, request, render);
  if (fields.has("thinking")) {
    const Fields thinking = fields.object("thinking");
    if (fields.ok() && !thinking.has("type")) thinking.fail("type", "is missing");
    const int type = thinking.one_of("type", {"enabled", "disabled", "adaptive"});
    if (type == 0 || type == 1) render->thinking = type == 0;
    if (type == 0) thinking.integer("budget_tokens", &request->thinking_budget, 0);
  }
  const Fields output = fields.object("output_config");
  read_effort(output, "effort", render);
  read_response_format(output, "format", true, &request->format);
  read_response_format(fields, "output_format", true, &request->format);
}

}  // namespace

Result<GenerationRequest> read_messages_request(const Json& body) {
  std::optional<Error> problem;
  const Fields fields(body, "", &problem);
  GenerationRequest request;
  request.dialect = Dialect::kMessages;
  auto& chat = request.input.emplace<ChatInput>();
  auto& [messages, tools] = chat.conversation;
  if (std::string system = read_system(fields); !system.empty()) {
    messages.push_back({.role = Role::kSystem, .content = std::move(system)});
  }
  if (!fields.has("messages")) fields.fail("messages", "is missing");
  const Json& list = fields.list("messages");
  if (list.empty()) fields.fail("messages", "is empty: at least one message is needed");
  MessageReader reader(&request, &messages);
  for (size_t i = 0; i < list.size() && fields.ok(); ++i) {
    reader.read(Fields(list[i], fmt::format("messages[{}]", i), &problem));
  }
  const Json& declared = tool_list(fields, "tools");
  for (size_t i = 0; i < declared.size() && fields.ok(); ++i) {
    const Fields tool(declared[i], fmt::format("tools[{}]", i), &problem);
    tool.one_of("type", {"custom"});  // others are tools that Anthropic's servers know or carry out
    read_flat_tool(tool, "input_schema", &tools);
  }
  read_choice(fields, tools, &request);
  read_extras(fields, &request);
  read_max_tokens(fields, "max_tokens", &request);
  read_stop(fields, "stop_sequences", &request);
  read_thoughts(fields, &request, &chat.render);
  fields.object("metadata").text("user_id", &request.user);
  fields.refuse("thread", "is not supported: nothing is stored, send the whole conversation in messages");
  fields.refuse("mcp_servers", "are not supported");
  fields.refuse("container", "is not supported");
  if (request.n != 1) fields.fail("n", "must be 1 here");
  if (request.log_probs) fields.fail("n_probs", "has no place in this dialect; use /v1/chat/completions");
  if (problem) return *std::move(problem);
  return request;
}

}  // namespace gannet
