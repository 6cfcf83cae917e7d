// OpenAI's Responses: every part of the answer is an item, with events for its beginning, pieces and end.
#include <fmt/core.h>

#include "api/answer_state.h"
#include "api/reasoning_text.h"
#include "api/sse.h"
#include "api/writers.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;
using Kind = OutputDelta::Kind;
using Part = AnswerPart::Kind;

Json choice_json(const ToolChoice& choice) {
  const char* mode = choice.mode == ToolChoice::Mode::kNone       ? "none"
                     : choice.mode == ToolChoice::Mode::kRequired ? "required"
                                                                  : "auto";
  if (choice.names.empty()) return mode;
  if (choice.names.size() == 1 && choice.mode == ToolChoice::Mode::kRequired) {
    return {{"type", "function"}, {"name", choice.names[0]}};
  }
  Json tools = Json::array();
  for (const std::string& name : choice.names) tools.push_back({{"type", "function"}, {"name", name}});
  return {{"type", "allowed_tools"}, {"mode", mode}, {"tools", std::move(tools)}};
}

Json format_json(const OutputFormat& format) {
  if (format.kind == OutputFormat::Kind::kJsonObject) return {{"type", "json_object"}};
  if (format.kind != OutputFormat::Kind::kJsonSchema) return {{"type", "text"}};
  return {
      {"type", "json_schema"}, {"name", format.name}, {"schema", format.schema}, {"strict", format.strict}};
}

Json number_or_null(const std::optional<float>& value) {
  // As it was written, not as the nearest float: 0.7, not 0.699999988.
  return value ? Json::parse(fmt::format("{}", *value), nullptr, false) : Json();
}

class ResponsesWriter final : public StateWriter {
 public:
  ResponsesWriter(const GenerationRequest& request, AnswerIdentity identity)
      : StateWriter(request, std::move(identity)) {
    Json tools = Json::array();
    if (const ChatInput* chat = request.chat()) {
      for (const Tool& tool : chat->conversation.tools) {
        Json flat{{"type", "function"}};
        flat.update(tool.declaration["function"]);
        tools.push_back(std::move(flat));
      }
    }
    said_ = {{"max_output_tokens", request.max_tokens ? Json(*request.max_tokens) : Json()},
             {"parallel_tool_calls", request.parallel_calls},
             {"temperature", number_or_null(request.sampling.temperature)},
             {"top_p", number_or_null(request.sampling.top_p)},
             {"text", {{"format", format_json(request.format)}}},
             {"tool_choice", choice_json(request.tool_choice)},
             {"tools", std::move(tools)}};
  }

  std::string ping() const override { return stream_ ? std::string(kSsePing) : std::string(); }
  std::string_view content_type() const override { return stream_ ? kEventStream : kJsonType; }

 private:
  std::string item_id(const AnswerPart& part, size_t index) const {
    const char* kind = part.kind == Part::kReasoning ? "rs" : part.kind == Part::kContent ? "msg" : "fc";
    return fmt::format("{}_{}_{}", kind, identity_.unique, index);
  }

  Json content_part(const AnswerPart& part, bool full) const {
    const std::string text = full ? part.text : std::string();
    if (part.kind == Part::kReasoning) return {{"type", "reasoning_text"}, {"text", text}};
    return {{"type", "output_text"},
            {"text", text},
            {"annotations", Json::array()},
            {"logprobs", full && log_probs_ ? tokens_json(part.tokens) : Json::array()}};
  }

  // `status`: in_progress, completed or incomplete.
  Json item(const AnswerPart& part, size_t index, const char* status) const {
    const bool full = status != kInProgress;
    Json json{{"id", item_id(part, index)}};
    Json content = full ? Json::array({content_part(part, true)}) : Json::array();
    switch (part.kind) {
      case Part::kReasoning:
        json["type"] = "reasoning";
        json["summary"] = Json::array();
        json["content"] = std::move(content);
        if (full && encrypted_reasoning_) json["encrypted_content"] = reasoning_as_encrypted(part.text);
        break;
      case Part::kContent:
        json["type"] = "message";
        json["role"] = "assistant";
        json["content"] = std::move(content);
        break;
      case Part::kCall:
        json["type"] = "function_call";
        json["call_id"] = part.id;
        json["name"] = part.name;
        json["arguments"] = full ? part.text : std::string();
        break;
    }
    json["status"] = status;
    return json;
  }

  // The last part of an answer that was cut off is not complete.
  const char* status_of(const AnswerState& state, size_t index) const {
    if (!state.parts[index].complete) return "incomplete";
    const bool last = index + 1 == state.parts.size();
    return last && state.finished && state.openai_reason() == "length" &&
                   state.parts[index].kind != Part::kCall
               ? "incomplete"
               : "completed";
  }

  static Json usage(const Usage& usage) {
    Json json{{"input_tokens", usage.prompt},
              {"input_tokens_details", {{"cached_tokens", usage.cached}}},
              {"output_tokens", usage.completion},
              {"output_tokens_details", {{"reasoning_tokens", usage.reasoning}}},
              {"total_tokens", usage.prompt + usage.completion}};
    // Not among the details: clients take those for numbers, all of them.
    if (!usage.uncached_reason.empty()) json["uncached_reason"] = usage.uncached_reason;
    return json;
  }

  Json response(const AnswerState& state, const char* status, const ApiError* error = nullptr) const {
    const bool running = status == kInProgress;
    Json output = Json::array();
    for (size_t i = 0; i < state.parts.size() && !running; ++i) {
      output.push_back(item(state.parts[i], i, status_of(state, i)));
    }
    Json json{{"id", "resp_" + identity_.unique},
              {"object", "response"},
              {"created_at", identity_.created},
              {"status", status},
              {"error", nullptr},
              {"incomplete_details", nullptr},
              {"instructions", nullptr},
              {"model", identity_.model},
              {"output", std::move(output)}};
    json.update(said_);
    json["previous_response_id"] = nullptr;
    json["store"] = false;
    json["truncation"] = "disabled";
    json["metadata"] = Json::object();
    json["usage"] = running || error ? Json() : usage(state.usage());
    if (error) json["error"] = {{"code", responses_code(*error)}, {"message", error->message}};
    if (status == kIncomplete) {
      json["incomplete_details"] = {{"reason", "max_output_tokens"}};
      if (!state.detail().empty()) json["incomplete_details"]["detail"] = state.detail();
    }
    if (state.finished) json["timings"] = timings_json(state.finished->timings);
    return json;
  }

  void say(std::string_view type, Json rest, std::string* out) {
    Json json{{"type", type}, {"sequence_number", sequence_++}};
    json.update(rest);
    *out += sse_event(type, json);
  }

  void say_of_part(std::string_view type, const AnswerState& state, size_t index, Json rest,
                   std::string* out) {
    Json json{{"item_id", item_id(state.parts[index], index)}, {"output_index", index}};
    if (state.parts[index].kind != Part::kCall) json["content_index"] = 0;
    json.update(rest);
    say(type, std::move(json), out);
  }

  void start(const AnswerState& state, std::string* out) override {
    say("response.created", {{"response", response(state, kInProgress)}}, out);
    say("response.in_progress", {{"response", response(state, kInProgress)}}, out);
  }

  void progress(const PromptProgress& progress, std::string* out) override {
    say("response.in_progress",
        {{"response", response(state(progress.choice), kInProgress)},
         {"prompt_progress", progress_json(progress)}},
        out);
  }

  void stop_part(const AnswerState& state, size_t index, std::string* out) {
    const AnswerPart& part = state.parts[index];
    if (part.kind == Part::kCall) {
      say_of_part("response.function_call_arguments.done", state, index,
                  {{"name", part.name}, {"arguments", part.text}}, out);
    } else {
      const bool reasoning = part.kind == Part::kReasoning;
      Json text{{"text", part.text}};
      if (!reasoning) text["logprobs"] = log_probs_ ? tokens_json(part.tokens) : Json::array();
      say_of_part(reasoning ? "response.reasoning_text.done" : "response.output_text.done", state, index,
                  std::move(text), out);
      say_of_part("response.content_part.done", state, index, {{"part", content_part(part, true)}}, out);
    }
    say("response.output_item.done",
        {{"output_index", index}, {"item", item(part, index, status_of(state, index))}}, out);
  }

  void delta(const AnswerState& now, const OutputDelta& delta, bool fresh, std::string* out) override {
    if (fresh) {
      const size_t index = now.parts.size() - 1;
      if (index > 0) stop_part(now, index - 1, out);
      const AnswerPart& part = now.parts[index];
      say("response.output_item.added", {{"output_index", index}, {"item", item(part, index, kInProgress)}},
          out);
      if (part.kind != Part::kCall) {
        say_of_part("response.content_part.added", now, index, {{"part", content_part(part, false)}}, out);
      }
    }
    if (delta.text.empty()) return;
    const size_t index = now.parts.size() - 1;
    Json text{{"delta", delta.text}};
    if (delta.kind == Kind::kReasoning)
      say_of_part("response.reasoning_text.delta", now, index, std::move(text), out);
    if (delta.kind == Kind::kContent) {
      text["logprobs"] = log_probs_ ? tokens_json(now.content_tokens) : Json::array();
      say_of_part("response.output_text.delta", now, index, std::move(text), out);
    }
    if (delta.kind == Kind::kArguments || delta.kind == Kind::kCallEnd) {
      say_of_part("response.function_call_arguments.delta", now, index, std::move(text), out);
    }
  }

  static const char* status_at_end(const AnswerState& state) {
    return state.openai_reason() == "length" ? kIncomplete : kCompleted;
  }

  void finish(const AnswerState& state, std::string* out) override {
    if (!state.parts.empty()) stop_part(state, state.parts.size() - 1, out);
    const char* status = status_at_end(state);
    say(status == kIncomplete ? "response.incomplete" : "response.completed",
        {{"response", response(state, status)}}, out);
  }

  void fail(const ApiError& error, std::string* out) override {
    say("error", {{"code", responses_code(error)}, {"message", error.message}, {"param", nullptr}}, out);
    say("response.failed", {{"response", response(states().front(), "failed", &error)}}, out);
  }

  Json whole() override {
    const AnswerState& state = states().front();
    return response(state, status_at_end(state));
  }

  static constexpr const char* kInProgress = "in_progress";
  static constexpr const char* kCompleted = "completed";
  static constexpr const char* kIncomplete = "incomplete";

  Json said_;  // what the request said, as answers repeat it
  int64_t sequence_ = 0;
};

}  // namespace

std::unique_ptr<AnswerWriter> make_responses_writer(const GenerationRequest& request,
                                                    AnswerIdentity identity) {
  return std::make_unique<ResponsesWriter>(request, std::move(identity));
}

}  // namespace gannet
