// Ollama: a line of JSON for every piece. Calls are said whole, when they have ended.
#include <algorithm>
#include <cmath>

#include "api/answer_state.h"
#include "api/sse.h"
#include "api/writers.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;
using Kind = OutputDelta::Kind;

int64_t nanoseconds(double ms) {
  return std::llround(std::clamp(ms, 0.0, 1e12) * 1e6);
}

class OllamaWriter final : public StateWriter {
 public:
  using StateWriter::StateWriter;
  std::string_view content_type() const override { return stream_ ? "application/x-ndjson" : kJsonType; }

 private:
  static Json call(const AnswerPart& part) {
    Json function{{"index", part.call}, {"name", part.name}, {"arguments", arguments_json(part.text)}};
    return {{"id", part.id}, {"function", std::move(function)}};
  }

  Json line(const Message& said, const Json& calls, bool done) const {
    Json json{{"model", identity_.model}, {"created_at", utc_text(identity_.created)}};
    if (dialect_ == Dialect::kOllamaChat) {
      Json message{{"role", "assistant"}, {"content", said.content}};
      if (said.reasoning) message["thinking"] = *said.reasoning;
      if (!calls.empty()) message["tool_calls"] = calls;
      json["message"] = std::move(message);
    } else {
      json["response"] = said.content;
      if (said.reasoning) json["thinking"] = *said.reasoning;
    }
    json["done"] = done;
    return json;
  }

  void end(const AnswerState& state, Json* json) const {
    const AnswerFinished& end = *state.finished;
    const bool stopped = end.end == AnswerEnd::kStop || end.end == AnswerEnd::kStopText;
    (*json)["done_reason"] = end.end == AnswerEnd::kLoaded ? "load" : stopped ? "stop" : "length";
    if (!state.detail().empty()) (*json)["done_detail"] = state.detail();
    if (end.end == AnswerEnd::kLoaded) return;
    (*json)["total_duration"] = nanoseconds(end.total_ms);
    (*json)["load_duration"] = nanoseconds(end.load_ms);
    (*json)["prompt_eval_count"] = end.usage.prompt;
    (*json)["prompt_eval_duration"] = nanoseconds(end.timings.prompt_ms);
    (*json)["eval_count"] = end.usage.completion;
    (*json)["eval_duration"] = nanoseconds(end.timings.predicted_ms);
    (*json)["prompt_cached_count"] = end.usage.cached;
    if (!end.usage.uncached_reason.empty()) (*json)["uncached_reason"] = end.usage.uncached_reason;
  }

  void start(const AnswerState&, std::string*) override {}
  void progress(const PromptProgress&, std::string*) override {}

  void begin_piece(const AnswerState&, const AnswerPiece& piece, std::string*) override { piece_ = &piece; }

  void say(const Message& message, const Json& calls, std::string* out) {
    Json json = line(message, calls, false);
    if (log_probs_ && piece_ && !piece_->tokens.empty()) json["logprobs"] = tokens_json(piece_->tokens);
    piece_ = nullptr;  // its tokens are said once
    *out += json_line(json) + "\n";
  }

  void delta(const AnswerState& state, const OutputDelta& delta, bool, std::string* out) override {
    Message message{.role = Role::kAssistant};
    if (delta.kind == Kind::kCallEnd) {
      const auto is_it = [&](const AnswerPart& part) {
        return part.kind == AnswerPart::Kind::kCall && part.call == delta.call;
      };
      const auto part = std::find_if(state.parts.begin(), state.parts.end(), is_it);
      if (dialect_ == Dialect::kOllamaChat) say(message, Json::array({call(*part)}), out);
      return;
    }
    if (delta.text.empty() || delta.kind == Kind::kArguments) return;
    if (delta.kind == Kind::kReasoning) {
      message.reasoning = delta.text;
    } else {
      message.content = delta.text;
    }
    say(message, Json::array(), out);
  }

  void end_piece(const AnswerState&, const AnswerPiece& piece, std::string* out) override {
    if (log_probs_ && piece_ && !piece.tokens.empty()) say({}, Json::array(), out);
  }

  void finish(const AnswerState& state, std::string* out) override {
    Json json = line({}, Json::array(), true);
    end(state, &json);
    *out += json_line(json) + "\n";
  }

  void fail(const ApiError& error, std::string* out) override { *out += error_body(dialect_, error) + "\n"; }

  Json whole() override {
    const AnswerState& state = states().front();
    Json calls = Json::array();
    for (const AnswerPart& part : state.parts)
      if (part.kind == AnswerPart::Kind::kCall) calls.push_back(call(part));
    Json json = line(state.message(), calls, true);
    if (log_probs_) json["logprobs"] = tokens_json(state.tokens);
    end(state, &json);
    return json;
  }

  const AnswerPiece* piece_ = nullptr;
};

}  // namespace

std::unique_ptr<AnswerWriter> make_ollama_writer(const GenerationRequest& request, AnswerIdentity identity) {
  return std::make_unique<OllamaWriter>(request, std::move(identity));
}

}  // namespace gannet
