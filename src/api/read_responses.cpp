// OpenAI's Responses, without a memory of earlier ones: everything is in `input`.
#include <fmt/core.h>

#include <algorithm>
#include <unordered_map>

#include "api/read_request.h"
#include "api/reasoning_text.h"
#include "api/request_fields.h"
#include "base/printable.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

class ItemReader {
 public:
  ItemReader(GenerationRequest* request, std::vector<Message>* messages)
      : request_(request), messages_(messages) {}

  void read(const Fields& item) {
    std::string type = "message";
    if (item.has("type")) {
      item.text("type", &type);
    } else if (item.ok() && !item.has("role")) {
      return item.fail("type", "is missing");
    }
    if (!item.ok()) return;
    if (type == "message") {
      read_message(item);
    } else if (type == "function_call") {
      ToolCall call;
      item.needed_text("call_id", &call.id);
      item.needed_text("name", &call.name);
      if (item.ok() && call.name.empty()) item.fail("name", "is empty");
      call.arguments = read_arguments(item, "arguments");
      names_[call.id] = call.name;
      if (item.ok()) assistant().calls.push_back(std::move(call));
    } else if (type == "function_call_output") {
      Message result;
      result.role = Role::kTool;
      item.needed_text("call_id", &result.call_id);
      if (item.ok() && !item.has("output")) item.fail("output", "is missing");
      result.content = read_parts(item, "output", {"input_text", "output_text", "text"}, "\n");
      if (const auto call = names_.find(result.call_id); call != names_.end()) result.name = call->second;
      messages_->push_back(std::move(result));
    } else if (type == "reasoning") {
      read_reasoning(item);
    } else if (type == "item_reference") {
      item.fail("type", "\"item_reference\" is not supported: nothing is stored, send the items themselves");
    } else {
      warn(request_,
           fmt::format("{}: items of type \"{}\" are skipped", item.path("type"), printable(type, 64)));
    }
  }

 private:
  // An answer is one message, however many items it has been.
  Message& assistant() {
    if (messages_->empty() || messages_->back().role != Role::kAssistant) {
      messages_->push_back({.role = Role::kAssistant});
    }
    return messages_->back();
  }

  void read_message(const Fields& item) {
    if (!item.has("role")) return item.fail("role", "is missing");
    const int role = item.one_of("role", {"user", "assistant", "system", "developer"});
    if (role < 0) return;
    if (!item.has("content")) return item.fail("content", "is missing");
    std::string text =
        read_parts(item, "content", {"input_text", "output_text", "text"}, role == 1 ? "" : "\n");
    if (!item.ok()) return;
    if (role != 1) {
      messages_->push_back({.role = role == 0 ? Role::kUser : Role::kSystem, .content = std::move(text)});
      return;
    }
    // A text behind a call would be put in front of it, and one behind a text is another message.
    Message& last = assistant();
    if (last.calls.empty() && last.content.empty()) {
      last.content = std::move(text);
    } else {
      messages_->push_back({.role = Role::kAssistant, .content = std::move(text)});
    }
  }

  void read_reasoning(const Fields& item) {
    std::string text = read_parts(item, "content", {"reasoning_text", "text"}, "");
    if (text.empty()) {
      std::string kept;
      item.text("encrypted_content", &kept);
      text = text_of_reasoning(kept).value_or("");
    }
    if (!item.ok() || text.empty()) return;
    if (messages_->empty() || messages_->back().role != Role::kAssistant ||
        !messages_->back().content.empty() || !messages_->back().calls.empty()) {
      messages_->push_back({.role = Role::kAssistant});
    }
    auto& reasoning = messages_->back().reasoning;
    reasoning = reasoning.value_or("") + text;
  }

  GenerationRequest* request_;
  std::vector<Message>* messages_;
  std::unordered_map<std::string, std::string> names_;  // of functions, by the ids of their calls
};

void read_input(const Fields& fields, GenerationRequest* request, std::vector<Message>* messages) {
  std::string instructions;
  fields.text("instructions", &instructions);
  if (!instructions.empty()) messages->push_back({.role = Role::kSystem, .content = std::move(instructions)});
  const Json* input = fields.find("input");
  if (!input) return fields.fail("input", "is missing");
  if (input->is_string()) {
    messages->push_back({.role = Role::kUser, .content = input->get<std::string>()});
  } else if (input->is_array()) {
    ItemReader reader(request, messages);
    for (size_t i = 0; i < input->size() && fields.ok(); ++i) {
      reader.read(Fields((*input)[i], fmt::format("input[{}]", i), fields.problem()));
    }
  } else {
    return fields.fail_kind("input", "a string or an array of items", *input);
  }
  // Clients probe a server with no input at all; templates want a user.
  const auto is_system = [](const Message& message) { return message.role == Role::kSystem; };
  if (std::all_of(messages->begin(), messages->end(), is_system)) messages->push_back({});
}

}  // namespace

Result<GenerationRequest> read_responses_request(const Json& body) {
  std::optional<Error> problem;
  const Fields fields(body, "", &problem);
  GenerationRequest request;
  request.dialect = Dialect::kResponses;
  auto& chat = request.input.emplace<ChatInput>();
  auto& [messages, tools] = chat.conversation;
  read_input(fields, &request, &messages);
  const Json& declared = tool_list(fields, "tools");
  for (size_t i = 0; i < declared.size() && fields.ok(); ++i) {
    const Fields tool(declared[i], fmt::format("tools[{}]", i), &problem);
    std::string type;
    tool.needed_text("type", &type);
    if (type == "function") {
      read_flat_tool(tool, "parameters", &tools);
    } else {
      warn(&request,
           fmt::format("{}: tools of type \"{}\" are skipped", tool.path("type"), printable(type, 64)));
    }
  }
  read_tool_choice(fields, true, tools, &request.tool_choice);
  fields.boolean("parallel_tool_calls", &request.parallel_calls);
  read_extras(fields, &request);
  read_max_tokens(fields, "max_output_tokens", &request);
  read_thinking(fields, &request, &chat.render);
  read_effort(fields.object("reasoning"), "effort", &chat.render);
  read_response_format(fields.object("text"), "format", true, &request.format);
  const Json& include = fields.list("include");
  for (size_t i = 0; i < include.size(); ++i) {
    if (!include[i].is_string()) fields.fail_kind(fmt::format("include[{}]", i), "a string", include[i]);
    if (include[i] == "reasoning.encrypted_content") request.encrypted_reasoning = true;
    if (include[i] == "message.output_text.logprobs") request.log_probs = true;
  }
  fields.integer("top_logprobs", &request.top_log_probs, 0, 20);
  fields.refuse("previous_response_id",
                "is not supported: nothing is stored, send the whole conversation in input");
  fields.refuse("conversation", "is not supported: nothing is stored, send the whole conversation in input");
  fields.refuse("background", "is not supported");
  fields.refuse("prompt", "templates of prompts are not supported");
  if (request.n != 1) fields.fail("n", "must be 1 here");
  if (problem) return *std::move(problem);
  return request;
}

}  // namespace gannet
