// OpenAI's chat completions and completions, with what llama.cpp and vLLM added.
#include <fmt/core.h>

#include "api/raw_prompt.h"
#include "api/read_request.h"
#include "api/request_fields.h"
#include "api/services.h"
#include "chat/reader.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMostTopLogProbs = 20;

void read_openai_common(const Fields& fields, GenerationRequest* request) {
  read_extras(fields, request);
  read_max_tokens(fields, "max_tokens", request);
  fields.object("stream_options").boolean("include_usage", &request->include_usage);
  if (request->n > 1 && request->slot) fields.fail("id_slot", "cannot be combined with n > 1");
  for (const char* key : {"response_fields", "return_tokens"})
    fields.refuse(key, "is only there in /completion");
  // What is not said by the model in place of what is.
  fields.refuse("use_beam_search", "is not supported");
}

void read_chat_fields(const Fields& fields, GenerationRequest* request) {
  auto& chat = request->input.emplace<ChatInput>();
  if (!fields.has("messages")) return fields.fail("messages", "is missing");
  auto messages = read_messages(*fields.find("messages"));
  if (!messages.ok()) {
    if (fields.ok()) *fields.problem() = messages.take_error();
    return;
  }
  chat.conversation.messages = messages.take();
  for (const char* key : {"functions", "function_call"})
    fields.refuse(key, "is out of date; use tools and tool_choice");
  if (const Json* tools = fields.find("tools")) {
    if (tools->is_array()) tool_list(fields, "tools");
    auto read = read_tools(fields.ok() ? *tools : Json());
    if (!read.ok()) {
      if (fields.ok()) *fields.problem() = read.take_error();
      return;
    }
    chat.conversation.tools = read.take();
  }
  read_tool_choice(fields, false, chat.conversation.tools, &request->tool_choice);
  fields.boolean("parallel_tool_calls", &request->parallel_calls);
  read_thinking(fields, request, &chat.render);
}

}  // namespace

Result<GenerationRequest> read_chat_request(const Json& body) {
  std::optional<Error> problem;
  const Fields fields(body, "", &problem);
  GenerationRequest request;
  request.dialect = Dialect::kChat;
  read_chat_fields(fields, &request);
  read_openai_common(fields, &request);
  read_max_tokens(fields, "max_completion_tokens", &request);
  fields.boolean("logprobs", &request.log_probs);
  if (fields.has("top_logprobs")) {
    fields.integer("top_logprobs", &request.top_log_probs, 0, kMostTopLogProbs);
    if (!request.log_probs && request.top_log_probs > 0)
      fields.fail("top_logprobs", "needs logprobs to be true");
  }
  read_response_format(fields, "response_format", false, &request.format);
  if (const Json& modalities = fields.list("modalities");
      modalities.size() > 1 || (modalities.size() == 1 && modalities[0] != "text")) {
    fields.fail("modalities", "only text is supported");
  }
  fields.refuse("audio", "is not supported");
  fields.refuse("web_search_options", "is not supported");
  fields.refuse("echo", "is not supported in chats");
  if (problem) return *std::move(problem);
  return request;
}

Result<GenerationRequest> read_completion_request(const Json& body) {
  std::optional<Error> problem;
  const Fields fields(body, "", &problem);
  GenerationRequest request;
  request.dialect = Dialect::kCompletion;
  std::string suffix;
  fields.text("suffix", &suffix);
  if (suffix.empty()) {
    request.input = read_raw_input(fields, "prompt");
  } else {
    InfillInput infill;
    fields.needed_text("prompt", &infill.prefix);
    infill.suffix = std::move(suffix);
    request.input = std::move(infill);
  }
  read_openai_common(fields, &request);
  if (fields.has("logprobs")) {
    // A number here, a boolean in chats; clients mix them up.
    const Json& said = *fields.find("logprobs");
    if (said.is_boolean()) {
      request.log_probs = said.get<bool>();
    } else {
      fields.integer("logprobs", &request.top_log_probs, 0, kMostTopLogProbs);
      request.log_probs = true;
    }
  }
  fields.boolean("echo", &request.echo);
  if (request.echo && request.log_probs) fields.fail("echo", "cannot be combined with logprobs");
  int best_of = request.n;
  fields.integer("best_of", &best_of, 1, 1 << 20);
  if (best_of != request.n) fields.fail("best_of", "other values than n are not supported");
  read_response_format(fields, "response_format", false, &request.format);
  if (problem) return *std::move(problem);
  return request;
}

Result<ChatInput> read_apply_template(const Json& body) {
  std::optional<Error> problem;
  const Fields fields(body, "", &problem);
  GenerationRequest request;
  read_chat_fields(fields, &request);
  if (problem) return *std::move(problem);
  return std::get<ChatInput>(std::move(request.input));
}

}  // namespace gannet
