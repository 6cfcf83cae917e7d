// Bodies that nobody should send: never a crash, and an error always begins with a field.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <chrono>

#include "api/read_request.h"
#include "api/services.h"
#include "chat/reader.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

// One request of each dialect with as many fields as there are.
const std::vector<std::pair<Dialect, Json>>& rich_requests() {
  static const std::vector<std::pair<Dialect, Json>> all = [] {
    const Json common =
        Json::parse(R"({"model": "m", "stream": true, "n": 1, "temperature": 0.5, "top_k": 3, "seed": 1,
      "stop": ["x"], "logit_bias": [[1, 2], ["a", false]], "samplers": ["top_k"], "dry_sequence_breakers": ["a"],
      "id_slot": -1, "cache_prompt": true, "timings_per_token": true, "return_progress": true, "user": "u",
      "prompt_cache_key": "k", "t_max_predict_ms": 5, "ignore_eos": false, "sse_ping_interval": 3, "lora": []})");
    const std::pair<Dialect, const char*> bodies[] = {
        {Dialect::kChat, R"({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]},
          {"role": "assistant", "content": "b", "reasoning_content": "r", "tool_calls": [{"id": "c", "type": "function",
          "function": {"name": "f", "arguments": "{}"}}]}, {"role": "tool", "tool_call_id": "c", "content": "d"}],
          "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {}}}],
          "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function",
          "function": {"name": "f"}}]}}, "stream_options": {"include_usage": true}, "logprobs": true, "top_logprobs": 2,
          "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": true}},
          "chat_template_kwargs": {"a": 1}, "reasoning_effort": "low", "modalities": ["text"],
          "max_completion_tokens": 4, "enable_thinking": true, "reasoning_format": "auto"})"},
        {Dialect::kCompletion,
         R"({"prompt": [1, "a", 2], "max_tokens": 3, "logprobs": 2, "echo": false, "best_of": 1})"},
        {Dialect::kResponses,
         R"({"instructions": "i", "input": [{"type": "message", "role": "user", "content": [
          {"type": "input_text", "text": "a"}]}, {"type": "reasoning", "summary": [], "content": [
          {"type": "reasoning_text", "text": "t"}], "encrypted_content": "e"}, {"type": "function_call", "call_id": "c",
          "name": "f", "arguments": "{}"}, {"type": "function_call_output", "call_id": "c", "output": "o"}],
          "tools": [{"type": "function", "name": "f", "parameters": {}}, {"type": "custom"}], "include": ["a"],
          "tool_choice": {"type": "function", "name": "f"}, "reasoning": {"effort": "low"}, "max_output_tokens": 3,
          "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}}})"},
        {Dialect::kMessages, R"({"system": [{"type": "text", "text": "x-anthropic-billing-header: cch=1;"}],
          "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}, {"role": "assistant", "content": [
          {"type": "thinking", "thinking": "t"}, {"type": "tool_use", "id": "c", "name": "f", "input": {}}]},
          {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "is_error": true, "content": [
          {"type": "text", "text": "r"}]}]}], "tools": [{"name": "f", "input_schema": {}}], "max_tokens": 3,
          "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": true}, "metadata": {"user_id": "u"},
          "thinking": {"type": "enabled", "budget_tokens": 5}, "stop_sequences": ["x"],
          "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {}}}})"},
        {Dialect::kNative, R"({"prompt": ["a", [1, 2], {"prompt_string": "b"}], "n_predict": 3, "n_probs": 1,
          "json_schema": {}, "response_fields": ["content"], "return_tokens": true})"},
        {Dialect::kInfill,
         R"({"input_prefix": "a", "input_suffix": "b", "input_extra": [{"filename": "f", "text": "t"}],
          "prompt": "c", "grammar": "root ::= \"a\""})"},
        {Dialect::kOllamaChat,
         R"({"messages": [{"role": "user", "content": "a", "images": []}, {"role": "assistant",
          "content": "", "thinking": "t", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]},
          {"role": "tool", "tool_name": "f", "content": "r"}], "tools": [{"type": "function", "function": {"name": "f",
          "parameters": {}}}], "options": {"num_predict": 3, "stop": ["x"], "temperature": 1}, "format": {},
          "think": "low", "keep_alive": "5m", "top_logprobs": 1})"},
        {Dialect::kOllamaGenerate,
         R"({"prompt": "a", "system": "s", "raw": false, "format": "json", "think": true,
          "options": {"seed": 1}, "context": [], "suffix": ""})"},
    };
    std::vector<std::pair<Dialect, Json>> made;
    for (const auto& [dialect, text] : bodies) {
      Json body = Json::parse(text);
      for (const auto& [key, value] : common.items())
        if (!body.contains(key)) body[key] = value;
      made.emplace_back(dialect, std::move(body));
    }
    return made;
  }();
  return all;
}

// All values within it and itself, the inner ones first: replacing one leaves those before it where they are.
void collect(Json& json, std::vector<Json*>* all) {
  if (json.is_structured())
    for (Json& one : json) collect(one, all);
  all->push_back(&json);
}

Json gen_odd() {
  switch (*rc::gen::inRange(0, 16)) {
    case 0:
      return nullptr;
    case 1:
      return *rc::gen::arbitrary<bool>();
    case 2:
      return *rc::gen::arbitrary<int64_t>();
    case 3:
      return 18446744073709551615u;
    case 4:
      return 1e308;
    case 5:
      return -0.5;
    case 6:
      return "";
    case 7:
      return *rc::gen::elementOf(
          std::vector<std::string>{"text", "function", "auto", "{", "assistant", "\xF0\x9F\x98\x80", "none"});
    case 8:
      return std::string(100000, 'a');
    case 9:
      return Json::array();
    case 10:
      return Json::object();
    case 11:
      return Json::array({nullptr});
    case 12:
      return Json::array({Json::object(), 1, "a", Json::array({1})});
    case 13:
      return Json{{"type", 5}};
    case 14:
      return Json{{"type", "text"}, {"text", nullptr}};
    default: {
      Json deep = 1;
      for (int i = 0; i < 150; ++i) deep = i % 2 ? Json::array({deep}) : Json{{"a", deep}};
      return deep;
    }
  }
}

bool begins_with_path(const std::string& message) {
  return !api_error(Error(ErrorCode::kUsage, message)).param.empty() || message.starts_with("request: ") ||
         message.starts_with("logit_bias.");  // whose keys are any text
}

TEST(Hostile, RichRequestsAreRead) {
  for (const auto& [dialect, body] : rich_requests()) {
    const auto request = read_request_json(dialect, body);
    EXPECT_TRUE(request.ok()) << (request.ok() ? "" : request.error().message());
  }
}

RC_GTEST_PROP(Hostile, WrongValuesAnywhereAreReadOrNamed, ()) {
  auto [dialect, body] = *rc::gen::elementOf(rich_requests());
  for (int n = *rc::gen::inRange(1, 4); n > 0; --n) {
    std::vector<Json*> all;
    collect(body, &all);
    *all[*rc::gen::inRange<size_t>(0, all.size())] = gen_odd();
  }
  const auto from_json = read_request_json(dialect, body);
  const auto from_text = read_request(dialect, body.dump());
  RC_ASSERT(from_json.ok() == from_text.ok());
  if (from_json.ok()) return;
  RC_LOG() << from_json.error().message();
  RC_ASSERT(from_json.error().code() == ErrorCode::kUsage);
  RC_ASSERT(from_json.error().message() == from_text.error().message());
  RC_ASSERT(begins_with_path(from_json.error().message()));
}

// Every value of every request, replaced by one of each kind.
TEST(Hostile, EveryFieldTakesNoOtherKind) {
  const std::vector<Json> kinds{true,   7, -3.5, "text", Json::array(), Json::object(), Json::array({1}),
                                nullptr};
  size_t refused = 0;
  for (const auto& [dialect, body] : rich_requests()) {
    Json copy = body;
    std::vector<Json*> all;
    collect(copy, &all);
    for (Json* one : all) {
      const Json kept = *one;
      for (const Json& kind : kinds) {
        *one = kind;
        const auto request = read_request_json(dialect, copy);
        if (request.ok()) continue;
        ++refused;
        EXPECT_TRUE(begins_with_path(request.error().message())) << request.error().message();
      }
      *one = kept;
    }
  }
  EXPECT_GT(refused, 500u);
}

TEST(Hostile, DeepWideAndHugeBodiesEndSoon) {
  const auto error = [](const std::string& body) {
    const auto request = read_request(Dialect::kChat, body);
    return request.ok() ? std::string("none") : request.error().message();
  };
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(error(std::string(1'000'000, '[')), "request: is nested more than 200 deep");
  std::string deep;
  for (int i = 0; i < 300; ++i) deep += "{\"a\":";
  EXPECT_EQ(error(deep), "request: is nested more than 200 deep");
  EXPECT_TRUE(error(R"({"messages": 1e999})").starts_with("request: is not JSON: "));
  std::string wide = "{";
  for (int i = 0; i < 300000; ++i) wide += "\"k" + std::to_string(i) + "\":1,";
  EXPECT_EQ(error(wide + "\"z\":1}"), "request: has objects with too many members");
  std::string tools = R"({"messages": [{"role": "user", "content": "a"}], "tools": [)";
  for (int i = 0; i < 100000; ++i) tools += R"({"function": {"name": "f)" + std::to_string(i) + R"("}},)";
  EXPECT_EQ(error(tools + "{}]}"), "tools: has 100001 tools; at most 4096 are taken");
  std::string prompt = R"({"n": 128, "prompt": ["a")";
  for (int i = 0; i < 1000; ++i) prompt += R"(, "a")";
  EXPECT_EQ(read_request(Dialect::kCompletion, prompt + "]}").error().message(),
            "n: asks for 128128 answers; at most 1024 are given to one request");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

}  // namespace
}  // namespace gannet
