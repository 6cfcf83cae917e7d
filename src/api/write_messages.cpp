// Anthropic's messages: blocks, each with its start, deltas and stop.
#include "api/answer_state.h"
#include "api/sse.h"
#include "api/writers.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;
using Kind = OutputDelta::Kind;
using Part = AnswerPart::Kind;

class MessagesWriter final : public StateWriter {
 public:
  using StateWriter::StateWriter;
  std::string ping() const override {
    return stream_ ? sse_event("ping", {{"type", "ping"}}) : std::string();
  }
  std::string_view content_type() const override { return stream_ ? kEventStream : kJsonType; }

 private:
  // Tokens read from the cache are not among the input tokens here.
  static Json usage(const Usage& usage) {
    Json json{{"input_tokens", usage.prompt - usage.cached},
              {"cache_creation_input_tokens", 0},
              {"cache_read_input_tokens", usage.cached},
              {"output_tokens", usage.completion}};
    if (!usage.uncached_reason.empty()) json["uncached_reason"] = usage.uncached_reason;
    return json;
  }

  Json message(Json content, const AnswerState& state) const {
    return {{"id", "msg_" + identity_.unique},
            {"type", "message"},
            {"role", "assistant"},
            {"model", identity_.model},
            {"content", std::move(content)},
            {"stop_reason", nullptr},
            {"stop_sequence", nullptr},
            {"usage", usage(state.usage())}};
  }

  static void end(const AnswerState& state, Json* json) {
    const AnswerEnd end = state.finished->end;
    const bool stopped = end == AnswerEnd::kStop || end == AnswerEnd::kStopText || end == AnswerEnd::kLoaded;
    (*json)["stop_reason"] = end == AnswerEnd::kStopText      ? "stop_sequence"
                             : stopped                        ? state.has_calls() ? "tool_use" : "end_turn"
                             : end == AnswerEnd::kContextFull ? "model_context_window_exceeded"
                                                              : "max_tokens";
    (*json)["stop_sequence"] = end == AnswerEnd::kStopText ? Json(state.finished->stop_text) : Json();
    if (!state.detail().empty()) (*json)["stop_detail"] = state.detail();
  }

  // Proves nothing, but is not empty: clients make thoughts without a signature part of the text they send
  // back, or leave them out, and neither is what was said.
  static constexpr const char* kSignature = "gannet";

  // `full`: with what the part says; otherwise as it starts in a stream.
  static Json block(const AnswerPart& part, bool full) {
    const std::string text = full ? part.text : std::string();
    if (part.kind == Part::kReasoning)
      return {{"type", "thinking"}, {"thinking", text}, {"signature", full ? kSignature : ""}};
    if (part.kind == Part::kContent) return {{"type", "text"}, {"text", text}};
    return {{"type", "tool_use"}, {"id", part.id}, {"name", part.name}, {"input", arguments_json(text)}};
  }

  void say(std::string_view name, Json rest, std::string* out) const {
    Json json{{"type", name}};
    json.update(rest);
    *out += sse_event(name, json);
  }

  void say_delta(const AnswerState& state, const char* type, const char* key, std::string_view text,
                 std::string* out) const {
    say("content_block_delta", {{"index", state.parts.size() - 1}, {"delta", {{"type", type}, {key, text}}}},
        out);
  }

  void start(const AnswerState& state, std::string* out) override {
    say("message_start", {{"message", message(Json::array(), state)}}, out);
  }

  void progress(const PromptProgress&, std::string* out) override { *out += ping(); }

  void stop_block(const AnswerState& state, size_t index, std::string* out) const {
    if (state.parts[index].kind == Part::kReasoning) {
      say("content_block_delta",
          {{"index", index}, {"delta", {{"type", "signature_delta"}, {"signature", kSignature}}}}, out);
    }
    say("content_block_stop", {{"index", index}}, out);
  }

  void delta(const AnswerState& state, const OutputDelta& delta, bool fresh, std::string* out) override {
    if (fresh) {
      const size_t index = state.parts.size() - 1;
      if (index > 0) stop_block(state, index - 1, out);
      say("content_block_start", {{"index", index}, {"content_block", block(state.parts[index], false)}},
          out);
    }
    if (delta.text.empty()) return;
    if (delta.kind == Kind::kReasoning) say_delta(state, "thinking_delta", "thinking", delta.text, out);
    if (delta.kind == Kind::kContent) say_delta(state, "text_delta", "text", delta.text, out);
    if (delta.kind == Kind::kArguments || delta.kind == Kind::kCallEnd) {
      say_delta(state, "input_json_delta", "partial_json", delta.text, out);
    }
  }

  void finish(const AnswerState& state, std::string* out) override {
    if (!state.parts.empty()) stop_block(state, state.parts.size() - 1, out);
    Json delta = Json::object();
    end(state, &delta);
    Json json{{"delta", std::move(delta)}, {"usage", usage(state.usage())}};
    json["timings"] = timings_json(state.finished->timings);
    say("message_delta", std::move(json), out);
    say("message_stop", Json::object(), out);
  }

  void fail(const ApiError& error, std::string* out) override {
    *out += "event: error\ndata: " + error_body(dialect_, error) + "\n\n";
  }

  Json whole() override {
    const AnswerState& state = states().front();
    Json content = Json::array();
    for (const AnswerPart& part : state.parts) content.push_back(block(part, true));
    Json json = message(std::move(content), state);
    end(state, &json);
    json["timings"] = timings_json(state.finished->timings);
    return json;
  }
};

}  // namespace

std::unique_ptr<AnswerWriter> make_messages_writer(const GenerationRequest& request,
                                                   AnswerIdentity identity) {
  return std::make_unique<MessagesWriter>(request, std::move(identity));
}

}  // namespace gannet
