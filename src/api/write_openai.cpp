// Chat completions and completions: chunks of one shape, then [DONE].
#include <fmt/core.h>

#include "api/answer_state.h"
#include "api/sse.h"
#include "api/writers.h"
#include "chat/reader.h"
#include "text/utf8.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;
using Kind = OutputDelta::Kind;

// What both have in common: the envelope, usage, timings, the end.
class OpenAiWriter : public StateWriter {
 public:
  OpenAiWriter(const GenerationRequest& request, AnswerIdentity identity, const char* prefix,
               const char* object, const char* chunk_object)
      : StateWriter(request, std::move(identity)),
        id_(prefix + identity_.unique),
        object_(object),
        chunk_object_(chunk_object) {}

  std::string ping() const override { return stream_ ? std::string(kSsePing) : std::string(); }
  std::string_view content_type() const override { return stream_ ? kEventStream : kJsonType; }

 protected:
  Json envelope(const char* object, Json choices) const {
    Json json{{"id", id_}, {"object", object}, {"created", identity_.created}, {"model", identity_.model}};
    if (!identity_.fingerprint.empty()) json["system_fingerprint"] = identity_.fingerprint;
    json["choices"] = std::move(choices);
    return json;
  }
  Json chunk(Json choice) const { return envelope(chunk_object_, Json::array({std::move(choice)})); }

  void end_choice(const AnswerState& state, Json* choice) const {
    (*choice)["finish_reason"] = state.openai_reason();
    if (!state.detail().empty()) (*choice)["finish_detail"] = state.detail();
  }

  void finish_stream(Json last, std::string* out) const {
    if (done_ && !include_usage_) last["timings"] = timings_json(total_timings());
    *out += sse_data(last);
  }

  void finish_all(std::string* out) override {
    if (include_usage_) {
      Json last = envelope(chunk_object_, Json::array());
      last["usage"] = usage_json(total_usage());
      last["timings"] = timings_json(total_timings());
      *out += sse_data(last);
    }
    *out += kSseDone;
  }

  void fail(const ApiError& error, std::string* out) override {
    *out += "data: " + error_body(dialect_, error) + "\n\n";
  }

  Json whole_of(Json choices) const {
    Json json = envelope(object_, std::move(choices));
    json["usage"] = usage_json(total_usage());
    json["timings"] = timings_json(total_timings());
    return json;
  }

 private:
  std::string id_;
  const char* object_;
  const char* chunk_object_;
};

class ChatWriter final : public OpenAiWriter {
 public:
  ChatWriter(const GenerationRequest& request, AnswerIdentity identity)
      : OpenAiWriter(request, std::move(identity), "chatcmpl-", "chat.completion", "chat.completion.chunk") {}

 private:
  static Json choice(const AnswerState& state, Json delta) {
    return {{"index", state.choice}, {"delta", std::move(delta)}, {"finish_reason", nullptr}};
  }

  void start(const AnswerState& state, std::string* out) override {
    *out += sse_data(chunk(choice(state, {{"role", "assistant"}, {"content", ""}})));
  }

  void progress(const PromptProgress& progress, std::string* out) override {
    Json json = chunk(choice(state(progress.choice), Json::object()));
    json["prompt_progress"] = progress_json(progress);
    *out += sse_data(json);
  }

  void begin_piece(const AnswerState&, const AnswerPiece& piece, std::string*) override {
    piece_ = &piece;
    tokens_said_ = false;
  }

  void say(const AnswerState& state, Json delta, std::string* out) {
    Json one = choice(state, std::move(delta));
    if (log_probs_ && !tokens_said_) one["logprobs"] = {{"content", tokens_json(piece_->tokens)}};
    tokens_said_ = true;
    Json json = chunk(std::move(one));
    if (timings_per_token_ && piece_->timings) json["timings"] = timings_json(*piece_->timings);
    *out += sse_data(json);
  }

  void delta(const AnswerState& state, const OutputDelta& delta, bool, std::string* out) override {
    switch (delta.kind) {
      case Kind::kReasoning:
        if (!delta.text.empty()) say(state, {{"reasoning_content", delta.text}}, out);
        break;
      case Kind::kContent:
        if (!delta.text.empty()) say(state, {{"content", delta.text}}, out);
        break;
      case Kind::kCall:
        say(state,
            {{"tool_calls", Json::array({{{"index", delta.call},
                                          {"id", delta.id},
                                          {"type", "function"},
                                          {"function", {{"name", delta.name}, {"arguments", ""}}}}})}},
            out);
        break;
      case Kind::kArguments:
      case Kind::kCallEnd:
        if (delta.text.empty()) break;
        say(state,
            {{"tool_calls",
              Json::array({{{"index", delta.call}, {"function", {{"arguments", delta.text}}}}})}},
            out);
        break;
    }
  }

  void end_piece(const AnswerState& state, const AnswerPiece& piece, std::string* out) override {
    if (log_probs_ && !tokens_said_ && !piece.tokens.empty()) say(state, Json::object(), out);
  }

  void finish(const AnswerState& state, std::string* out) override {
    Json one = choice(state, Json::object());
    end_choice(state, &one);
    finish_stream(chunk(std::move(one)), out);
  }

  Json whole() override {
    Json choices = Json::array();
    for (const AnswerState& state : states()) {
      Json one{{"index", state.choice}, {"message", message_json(state.message())}};
      if (log_probs_) one["logprobs"] = {{"content", tokens_json(state.tokens)}};
      end_choice(state, &one);
      choices.push_back(std::move(one));
    }
    return whole_of(std::move(choices));
  }

  const AnswerPiece* piece_ = nullptr;
  bool tokens_said_ = false;
};

// The text of a token in the old list; bytes that are no text are spelled out, as OpenAI does.
std::string token_text(std::string_view bytes) {
  if (utf8_valid_prefix(bytes) == bytes.size()) return std::string(bytes);
  std::string text = "bytes:";
  for (const char c : bytes) text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return text;
}

size_t code_points(std::string_view bytes) {
  size_t count = 0;
  for (const char c : bytes) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

class CompletionWriter final : public OpenAiWriter {
 public:
  CompletionWriter(const GenerationRequest& request, AnswerIdentity identity)
      : OpenAiWriter(request, std::move(identity), "cmpl-", "text_completion", "text_completion"),
        offsets_(request.n_choices()) {}

 private:
  // The old shape: four lists. `offset` counts characters of the answer.
  static Json log_probs(const std::vector<TokenReport>& tokens, size_t* offset) {
    Json texts = Json::array(), probs = Json::array(), top = Json::array(), offsets = Json::array();
    for (const TokenReport& token : tokens) {
      texts.push_back(token_text(token.text));
      const Json listed = tokens_json({token});
      probs.push_back(listed[0]["logprob"]);
      Json others = Json::object();
      for (size_t i = 0; i < token.top.size(); ++i) {
        others[token_text(token.top[i].text)] = listed[0]["top_logprobs"][i]["logprob"];
      }
      top.push_back(std::move(others));
      offsets.push_back(*offset);
      *offset += code_points(token.text);
    }
    return {{"tokens", std::move(texts)},
            {"token_logprobs", std::move(probs)},
            {"top_logprobs", std::move(top)},
            {"text_offset", std::move(offsets)}};
  }

  static Json choice(const AnswerState& state, std::string_view text) {
    return {{"index", state.choice}, {"text", text}, {"logprobs", nullptr}, {"finish_reason", nullptr}};
  }

  void start(const AnswerState&, std::string*) override {}

  void progress(const PromptProgress& progress, std::string* out) override {
    Json json = chunk(choice(state(progress.choice), ""));
    json["prompt_progress"] = progress_json(progress);
    *out += sse_data(json);
  }

  void delta(const AnswerState&, const OutputDelta& delta, bool, std::string*) override {
    if (delta.kind == Kind::kContent) text_ += delta.text;
  }

  void end_piece(const AnswerState& state, const AnswerPiece& piece, std::string* out) override {
    const std::string text = std::exchange(text_, {});
    if (text.empty() && !(log_probs_ && !piece.tokens.empty())) return;
    Json one = choice(state, text);
    if (log_probs_) one["logprobs"] = log_probs(piece.tokens, &offsets_[state.choice]);
    Json json = chunk(std::move(one));
    if (timings_per_token_ && piece.timings) json["timings"] = timings_json(*piece.timings);
    *out += sse_data(json);
  }

  void finish(const AnswerState& state, std::string* out) override {
    Json one = choice(state, "");
    end_choice(state, &one);
    finish_stream(chunk(std::move(one)), out);
  }

  Json whole() override {
    Json choices = Json::array();
    for (const AnswerState& state : states()) {
      Json one = choice(state, state.content());
      size_t offset = 0;
      if (log_probs_) one["logprobs"] = log_probs(state.tokens, &offset);
      end_choice(state, &one);
      choices.push_back(std::move(one));
    }
    return whole_of(std::move(choices));
  }

  std::string text_;
  std::vector<size_t> offsets_;
};

}  // namespace

std::unique_ptr<AnswerWriter> make_chat_writer(const GenerationRequest& request, AnswerIdentity identity) {
  return std::make_unique<ChatWriter>(request, std::move(identity));
}

std::unique_ptr<AnswerWriter> make_completion_writer(const GenerationRequest& request,
                                                     AnswerIdentity identity) {
  return std::make_unique<CompletionWriter>(request, std::move(identity));
}

}  // namespace gannet
