// Ollama's /api/chat and /api/generate.
#include <fmt/core.h>

#include <cstdlib>

#include "api/read_request.h"
#include "api/request_fields.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

// "5m", "1h30m", "-1s"; a number is seconds.
std::optional<double> read_duration(const Json& said) {
  if (said.is_number()) return said.get<double>();
  if (!said.is_string()) return std::nullopt;
  std::string_view text = said.get_ref<const std::string&>();
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.size() > 32) return std::nullopt;
  double seconds = 0;
  while (!text.empty()) {
    size_t digits = text.find_first_not_of("0123456789.");
    if (digits == 0) return std::nullopt;
    const std::string number(text.substr(0, digits));
    text.remove_prefix(number.size());
    static constexpr std::pair<std::string_view, double> kUnits[] = {{"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9},
                                                                     {"h", 3600},  {"m", 60},    {"s", 1}};
    double unit = text.empty() ? 1 : 0;
    for (const auto& [name, value] : kUnits) {
      if (!text.starts_with(name)) continue;
      unit = value;
      text.remove_prefix(name.size());
      break;
    }
    if (unit == 0) return std::nullopt;
    seconds += std::strtod(number.c_str(), nullptr) * unit;
  }
  return negative ? -seconds : seconds;
}

void read_common(const Fields& fields, GenerationRequest* request, RenderOptions* render) {
  request->stream = true;
  fields.text("model", &request->model);
  fields.boolean("stream", &request->stream);
  const Fields options = fields.object("options");
  read_sampling(options, &request->sampling);
  read_stop(options, "stop", request);
  int64_t most = -1;
  options.integer("num_predict", &most, -2);  // -1: no limit, -2: until the context is full
  if (most >= 0) request->max_tokens = most;
  if (const Json* format = fields.find("format")) {
    if (*format == "json") {
      set_format(fields, "format", OutputFormat::Kind::kJsonObject, &request->format);
    } else if (format->is_object()) {
      set_format(fields, "format", OutputFormat::Kind::kJsonSchema, &request->format);
      request->format.schema = *format;
    } else if (*format != "") {
      fields.fail("format", "must be \"json\" or a JSON schema");
    }
  }
  if (const Json* think = fields.find("think")) {
    if (think->is_boolean()) {
      render->thinking = think->get<bool>();
    } else if (fields.one_of("think", {"low", "medium", "high"}) >= 0) {
      render->thinking = true;
      render->variables["reasoning_effort"] = *think;
    }
  }
  if (const Json* keep = fields.find("keep_alive")) {
    request->keep_alive_seconds = read_duration(*keep);
    if (!request->keep_alive_seconds) fields.fail("keep_alive", "must be seconds or a duration like \"5m\"");
  }
  fields.boolean("logprobs", &request->log_probs);
  fields.integer("top_logprobs", &request->top_log_probs, 0, 20);
}

void read_chat_message(const Fields& message, std::vector<Message>* messages) {
  Message read;
  if (message.ok() && !message.has("role")) return message.fail("role", "is missing");
  const int role = message.one_of("role", {"system", "user", "assistant", "tool"});
  if (role < 0) return;
  read.role = static_cast<Role>(role);
  message.text("content", &read.content);
  message.refuse("images", "are not supported, only text");
  std::string thoughts;
  message.text("thinking", &thoughts);
  if (!thoughts.empty() && read.role == Role::kAssistant) read.reasoning = std::move(thoughts);
  message.text("tool_name", &read.name);
  message.text("tool_call_id", &read.call_id);
  const Json& calls = message.list("tool_calls");
  if (!calls.empty() && read.role != Role::kAssistant)
    message.fail("tool_calls", "belong to assistant messages");
  for (size_t i = 0; i < calls.size() && message.ok(); ++i) {
    const Fields call(calls[i], fmt::format("{}[{}]", message.path("tool_calls"), i), message.problem());
    const Fields function = call.object("function");
    ToolCall& made = read.calls.emplace_back();
    call.text("id", &made.id);
    function.needed_text("name", &made.name);
    made.arguments = read_arguments(function, "arguments");
  }
  if (message.ok()) messages->push_back(std::move(read));
}

}  // namespace

Result<GenerationRequest> read_ollama_chat_request(const Json& body) {
  std::optional<Error> problem;
  const Fields fields(body, "", &problem);
  GenerationRequest request;
  request.dialect = Dialect::kOllamaChat;
  auto& chat = request.input.emplace<ChatInput>();
  read_common(fields, &request, &chat.render);
  const Json& messages = fields.list("messages");
  for (size_t i = 0; i < messages.size() && fields.ok(); ++i) {
    read_chat_message(Fields(messages[i], fmt::format("messages[{}]", i), &problem),
                      &chat.conversation.messages);
  }
  request.load_only = messages.empty();
  const Json& tools = tool_list(fields, "tools");
  for (size_t i = 0; i < tools.size() && fields.ok(); ++i) {
    const Fields tool(tools[i], fmt::format("tools[{}]", i), &problem);
    tool.one_of("type", {"function"});
    if (fields.ok() && !tool.has("function")) tool.fail("function", "is missing");
    read_flat_tool(tool.object("function"), "parameters", &chat.conversation.tools);
  }
  if (problem) return *std::move(problem);
  return request;
}

Result<GenerationRequest> read_ollama_generate_request(const Json& body) {
  std::optional<Error> problem;
  const Fields fields(body, "", &problem);
  GenerationRequest request;
  request.dialect = Dialect::kOllamaGenerate;
  RenderOptions render;
  read_common(fields, &request, &render);
  std::string prompt, suffix, system;
  bool raw = false;
  fields.text("prompt", &prompt);
  fields.text("suffix", &suffix);
  fields.text("system", &system);
  fields.boolean("raw", &raw);
  fields.refuse("images", "are not supported, only text");
  fields.refuse("template",
                "is not supported; use the model's, or \"raw\": true and a prompt that is complete");
  fields.refuse("context", "is not supported; use /api/chat, what stays the same is not read again");
  request.load_only = prompt.empty() && suffix.empty();
  if (!suffix.empty()) {
    if (!system.empty()) fields.fail("system", "cannot be combined with suffix");
    request.input =
        InfillInput{.prefix = std::move(prompt), .suffix = std::move(suffix), .extra = {}, .prompt = {}};
  } else if (raw) {
    if (!system.empty()) fields.fail("system", "cannot be combined with raw");
    request.input = RawInput{{RawPrompt{{std::move(prompt)}}}};
  } else {
    ChatInput chat;
    if (!system.empty())
      chat.conversation.messages.push_back({.role = Role::kSystem, .content = std::move(system)});
    chat.conversation.messages.push_back({.role = Role::kUser, .content = std::move(prompt)});
    chat.render = std::move(render);
    request.input = std::move(chat);
  }
  if (problem) return *std::move(problem);
  return request;
}

}  // namespace gannet
