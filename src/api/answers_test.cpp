// What each dialect says, to the byte, of one answer: a thought, a text and a call.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "api/answer_join_for_test.h"
#include "api/answer_writer.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;
using Kind = OutputDelta::Kind;

const AnswerIdentity kIdentity{.unique = "u", .created = 1700000000, .model = "m", .fingerprint = "f"};

std::vector<GenerationEvent> with_call(AnswerEnd end = AnswerEnd::kStop) {
  return {AnswerStarted{.usage = {.prompt = 10, .cached = 8}, .slot = 2},
          AnswerPiece{.deltas = {{.kind = Kind::kReasoning, .text = "hm"}}},
          AnswerPiece{.deltas = {{.kind = Kind::kContent, .text = "Hi"}}},
          AnswerPiece{.deltas = {{.kind = Kind::kCall, .call = 0, .id = "c1", .name = "sh"},
                                 {.kind = Kind::kArguments, .text = "{\"a\":"},
                                 {.kind = Kind::kArguments, .text = "1}"},
                                 {.kind = Kind::kCallEnd}}},
          AnswerFinished{
              .end = end,
              .usage = {.prompt = 10, .cached = 8, .completion = 5, .reasoning = 1, .uncached_reason = "new"},
              .timings = {.cache_n = 8, .prompt_n = 2, .predicted_n = 5, .prompt_ms = 4, .predicted_ms = 8},
              .total_ms = 12}};
}

GenerationRequest request_for(Dialect dialect, bool stream) {
  GenerationRequest request;
  request.dialect = dialect;
  request.stream = stream;
  return request;
}

std::string bytes_of(const GenerationRequest& request, const std::vector<GenerationEvent>& events) {
  auto writer = make_answer_writer(request, kIdentity);
  std::string bytes;
  for (const auto& event : events) bytes += writer->write(event);
  EXPECT_TRUE(writer->done());
  return bytes;
}

constexpr const char* kTimings =
    R"("timings":{"cache_n":8,"prompt_n":2,"prompt_ms":4.0,"prompt_per_token_ms":2.0,"prompt_per_second":500.0,)"
    R"("predicted_n":5,"predicted_ms":8.0,"predicted_per_token_ms":2.0,"predicted_per_second":500.0})";

TEST(WriteChat, Whole) {
  EXPECT_EQ(
      bytes_of(request_for(Dialect::kChat, false), with_call()),
      std::string(R"({"id":"chatcmpl-u","object":"chat.completion","created":1700000000,"model":"m",)"
                  R"("system_fingerprint":"f","choices":[{"index":0,"message":{"role":"assistant",)"
                  R"("reasoning_content":"hm","content":"Hi","tool_calls":[{"id":"c1","type":"function",)"
                  R"("function":{"name":"sh","arguments":"{\"a\":1}"}}]},"finish_reason":"tool_calls"}],)"
                  R"("usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,)"
                  R"("prompt_tokens_details":{"cached_tokens":8},)"
                  R"("completion_tokens_details":{"reasoning_tokens":1},"uncached_reason":"new"},)") +
          kTimings + "}");
}

TEST(WriteChat, Stream) {
  auto request = request_for(Dialect::kChat, true);
  request.include_usage = true;
  const std::string head =
      R"(data: {"id":"chatcmpl-u","object":"chat.completion.chunk","created":1700000000,)"
      R"("model":"m","system_fingerprint":"f","choices":[)";
  const auto chunk = [&](const char* delta, const char* finish = "null") {
    return head + R"({"index":0,"delta":)" + delta + R"(,"finish_reason":)" + finish + "}]}\n\n";
  };
  EXPECT_EQ(bytes_of(request, with_call()),
            chunk(R"({"role":"assistant","content":""})") + chunk(R"({"reasoning_content":"hm"})") +
                chunk(R"({"content":"Hi"})") +
                chunk(R"({"tool_calls":[{"index":0,"id":"c1","type":"function",)"
                      R"("function":{"name":"sh","arguments":""}}]})") +
                chunk(R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]})") +
                chunk(R"({"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]})") +
                chunk("{}", R"("tool_calls")") + head +
                R"(],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,)"
                R"("prompt_tokens_details":{"cached_tokens":8},)"
                R"("completion_tokens_details":{"reasoning_tokens":1},"uncached_reason":"new"},)" +
                kTimings + "}\n\ndata: [DONE]\n\n");
}

TEST(WriteChat, LogProbsProgressAndEnds) {
  auto request = request_for(Dialect::kChat, true);
  request.log_probs = true;
  request.return_progress = true;
  const float impossible = -std::numeric_limits<float>::infinity();
  const auto events = events_of(
      Dialect::kChat, bytes_of(request, {AnswerStarted{}, PromptProgress{0, 10, 2, 6, 3},
                                         AnswerPiece{.tokens = {{5, "\xc3", -0.25f, {{6, "a", impossible}}}}},
                                         AnswerFinished{.end = AnswerEnd::kContextFull}}));
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[1].data["prompt_progress"],
            Json::parse(R"({"total":10,"cache":2,"processed":6,"time_ms":3.0})"));
  EXPECT_EQ(events[2].data["choices"][0]["logprobs"]["content"],
            Json::parse(R"([{"id":5,"token":"\ufffd","logprob":-0.25,"bytes":[195],
                             "top_logprobs":[{"id":6,"token":"a","logprob":-9999.0,"bytes":[97]}]}])"));
  EXPECT_EQ(events[3].data["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(events[3].data["choices"][0]["finish_detail"], "context_full");
  EXPECT_TRUE(events[3].data.contains("timings"));
}

TEST(WriteChat, CountsPromptsOnce) {
  GenerationRequest request = request_for(Dialect::kChat, false);
  request.n = 2;
  const Usage usage{.prompt = 10, .cached = 3, .completion = 2};
  const Json whole = Json::parse(bytes_of(
      request, {AnswerStarted{.choice = 0}, AnswerStarted{.choice = 1},
                AnswerPiece{.choice = 1, .deltas = {{.kind = Kind::kContent, .text = "b"}}},
                AnswerFinished{.choice = 1, .usage = usage}, AnswerFinished{.choice = 0, .usage = usage}}));
  EXPECT_EQ(whole["choices"][1]["message"]["content"], "b");
  EXPECT_EQ(whole["usage"]["prompt_tokens"], 10);
  EXPECT_EQ(whole["usage"]["completion_tokens"], 4);
}

TEST(WriteCompletion, LogProbsInTheOldShape) {
  auto request = request_for(Dialect::kCompletion, false);
  request.input = RawInput{{RawPrompt{{"p"}}}};
  request.log_probs = true;
  const Json whole = Json::parse(bytes_of(
      request,
      {AnswerStarted{},
       AnswerPiece{
           .deltas = {{.kind = Kind::kContent, .text = "é!"}},
           .tokens = {{1, "\xc3", -1.0f, {}}, {2, "\xa9", -1.0f, {}}, {3, "!", -0.5f, {{3, "!", -0.5f}}}}},
       AnswerFinished{.end = AnswerEnd::kStopText, .stop_text = "x"}}));
  EXPECT_EQ(whole["object"], "text_completion");
  EXPECT_EQ(whole["choices"][0],
            Json::parse(R"({"index":0,"text":"é!","logprobs":{"tokens":["bytes:\\xc3","bytes:\\xa9","!"],
              "token_logprobs":[-1.0,-1.0,-0.5],"top_logprobs":[{},{},{"!":-0.5}],"text_offset":[0,1,1]},
              "finish_reason":"stop"})"));
}

TEST(WriteMessages, Whole) {
  EXPECT_EQ(
      bytes_of(request_for(Dialect::kMessages, false), with_call()),
      std::string(R"({"id":"msg_u","type":"message","role":"assistant","model":"m","content":[)"
                  R"({"type":"thinking","thinking":"hm","signature":"gannet"},{"type":"text","text":"Hi"},)"
                  R"({"type":"tool_use","id":"c1","name":"sh","input":{"a":1}}],"stop_reason":"tool_use",)"
                  R"("stop_sequence":null,"usage":{"input_tokens":2,"cache_creation_input_tokens":0,)"
                  R"("cache_read_input_tokens":8,"output_tokens":5,"uncached_reason":"new"},)") +
          kTimings + "}");
  const Json stopped = Json::parse(
      bytes_of(request_for(Dialect::kMessages, false),
               {AnswerStarted{}, AnswerFinished{.end = AnswerEnd::kStopText, .stop_text = "END"}}));
  EXPECT_EQ(stopped["stop_reason"], "stop_sequence");
  EXPECT_EQ(stopped["stop_sequence"], "END");
  EXPECT_EQ(stopped["content"], Json::array());
}

TEST(WriteMessages, Stream) {
  const auto frame = [](const std::string& name, const std::string& rest) {
    return "event: " + name + "\ndata: {\"type\":\"" + name + "\"" + rest + "}\n\n";
  };
  EXPECT_EQ(
      bytes_of(request_for(Dialect::kMessages, true), with_call()),
      frame(
          "message_start",
          R"(,"message":{"id":"msg_u","type":"message","role":"assistant","model":"m","content":[],)"
          R"("stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":2,"cache_creation_input_tokens":0,)"
          R"("cache_read_input_tokens":8,"output_tokens":0}})") +
          frame("content_block_start",
                R"(,"index":0,"content_block":{"type":"thinking","thinking":"","signature":""})") +
          frame("content_block_delta", R"(,"index":0,"delta":{"type":"thinking_delta","thinking":"hm"})") +
          frame("content_block_delta",
                R"(,"index":0,"delta":{"type":"signature_delta","signature":"gannet"})") +
          frame("content_block_stop", R"(,"index":0)") +
          frame("content_block_start", R"(,"index":1,"content_block":{"type":"text","text":""})") +
          frame("content_block_delta", R"(,"index":1,"delta":{"type":"text_delta","text":"Hi"})") +
          frame("content_block_stop", R"(,"index":1)") +
          frame("content_block_start",
                R"(,"index":2,"content_block":{"type":"tool_use","id":"c1","name":"sh","input":{}})") +
          frame("content_block_delta",
                R"(,"index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"})") +
          frame("content_block_delta",
                R"(,"index":2,"delta":{"type":"input_json_delta","partial_json":"1}"})") +
          frame("content_block_stop", R"(,"index":2)") +
          frame("message_delta",
                std::string(
                    R"(,"delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":2,)"
                    R"("cache_creation_input_tokens":0,"cache_read_input_tokens":8,"output_tokens":5,)"
                    R"("uncached_reason":"new"},)") +
                    kTimings) +
          frame("message_stop", ""));
  EXPECT_EQ(make_answer_writer(request_for(Dialect::kMessages, true), kIdentity)->ping(),
            "event: ping\ndata: {\"type\":\"ping\"}\n\n");
}

TEST(WriteResponses, Whole) {
  auto request = request_for(Dialect::kResponses, false);
  request.encrypted_reasoning = true;
  request.sampling.temperature = 0.7f;
  auto& tools = request.input.emplace<ChatInput>().conversation.tools;
  tools.push_back(
      {"sh", Json::parse(R"({"type":"function","function":{"name":"sh","parameters":{"type":"object"}}})")});
  EXPECT_EQ(
      bytes_of(request, with_call()),
      std::string(
          R"({"id":"resp_u","object":"response","created_at":1700000000,"status":"completed","error":null,)"
          R"("incomplete_details":null,"instructions":null,"model":"m","output":[)"
          R"({"id":"rs_u_0","type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"hm"}],)"
          R"("encrypted_content":"gannet-reasoning:hm","status":"completed"},)"
          R"({"id":"msg_u_1","type":"message","role":"assistant","content":[{"type":"output_text",)"
          R"("text":"Hi","annotations":[],"logprobs":[]}],"status":"completed"},)"
          R"({"id":"fc_u_2","type":"function_call","call_id":"c1","name":"sh","arguments":"{\"a\":1}",)"
          R"("status":"completed"}],"max_output_tokens":null,"parallel_tool_calls":true,"temperature":0.7,)"
          R"("top_p":null,"text":{"format":{"type":"text"}},"tool_choice":"auto",)"
          R"("tools":[{"type":"function","name":"sh","parameters":{"type":"object"}}],)"
          R"("previous_response_id":null,"store":false,"truncation":"disabled","metadata":{},)"
          R"("usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":8},)"
          R"("output_tokens":5,"output_tokens_details":{"reasoning_tokens":1},"total_tokens":15,)"
          R"("uncached_reason":"new"},)") +
          kTimings + "}");
}

TEST(WriteResponses, StreamHasAllEvents) {
  const auto events = events_of(
      Dialect::kResponses, bytes_of(request_for(Dialect::kResponses, true), with_call(AnswerEnd::kLength)));
  std::vector<std::string> names;
  for (const auto& event : events) names.push_back(event.name);
  EXPECT_THAT(
      names,
      testing::ElementsAre(
          "response.created", "response.in_progress", "response.output_item.added",
          "response.content_part.added", "response.reasoning_text.delta", "response.reasoning_text.done",
          "response.content_part.done", "response.output_item.done", "response.output_item.added",
          "response.content_part.added", "response.output_text.delta", "response.output_text.done",
          "response.content_part.done", "response.output_item.done", "response.output_item.added",
          "response.function_call_arguments.delta", "response.function_call_arguments.delta",
          "response.function_call_arguments.done", "response.output_item.done", "response.incomplete"));
  EXPECT_EQ(events[10].data,
            Json::parse(R"({"type":"response.output_text.delta","sequence_number":10,"item_id":"msg_u_1",
                            "output_index":1,"content_index":0,"delta":"Hi","logprobs":[]})"));
  EXPECT_EQ(events[14].data,
            Json::parse(R"({"type":"response.output_item.added","sequence_number":14,"output_index":2,
      "item":{"id":"fc_u_2","type":"function_call","call_id":"c1","name":"sh","arguments":"",
              "status":"in_progress"}})"));
  EXPECT_EQ(events[19].data["response"]["incomplete_details"]["reason"], "max_output_tokens");
}

TEST(WriteNative, WholeAndStream) {
  auto request = request_for(Dialect::kNative, false);
  request.input = RawInput{{RawPrompt{{"p"}}}};
  std::vector<GenerationEvent> events{
      AnswerStarted{.usage = {.prompt = 4}, .slot = 2},
      AnswerPiece{.deltas = {{.kind = Kind::kContent, .text = "a\n"}},
                  .tokens = {{.token = 7, .text = "a\n"}}},
      AnswerFinished{.end = AnswerEnd::kLength, .usage = {.prompt = 4, .cached = 3, .completion = 1}}};
  AnswerIdentity identity = kIdentity;
  identity.settings = {{"n_predict", 1}};
  identity.prompts = {"p"};
  const auto bytes = [&] {
    auto writer = make_answer_writer(request, identity);
    std::string all;
    for (const auto& event : events) all += writer->write(event);
    return all;
  };
  const Json whole = Json::parse(bytes());
  EXPECT_EQ(whole["content"], "a\n");
  EXPECT_EQ(whole["tokens"], Json::array());
  EXPECT_EQ(whole["stop_type"], "limit");
  EXPECT_EQ(whole["has_new_line"], true);
  EXPECT_EQ(whole["tokens_cached"], 3);
  EXPECT_EQ(whole["prompt"], "p");
  EXPECT_EQ(whole["generation_settings"]["n_predict"], 1);
  request.response_fields = {"content", "generation_settings/n_predict", "nothing", "content/x"};
  EXPECT_EQ(bytes(), R"({"content":"a\n","n_predict":1})");
  request.stream = true;
  EXPECT_EQ(bytes(),
            R"(data: {"index":0,"content":"a\n","tokens":[7],"stop":false,"id_slot":2,"tokens_predicted":1,)"
            "\"tokens_evaluated\":4}\n\n"
            "data: {\"content\":\"\",\"n_predict\":1}\n\n");
}

TEST(WriteOllama, Stream) {
  EXPECT_EQ(
      bytes_of(request_for(Dialect::kOllamaChat, true), with_call()),
      R"({"model":"m","created_at":"2023-11-14T22:13:20Z","message":{"role":"assistant","content":"",)"
      R"("thinking":"hm"},"done":false})"
      "\n"
      R"({"model":"m","created_at":"2023-11-14T22:13:20Z","message":{"role":"assistant","content":"Hi"},)"
      R"("done":false})"
      "\n"
      R"({"model":"m","created_at":"2023-11-14T22:13:20Z","message":{"role":"assistant","content":"",)"
      R"("tool_calls":[{"id":"c1","function":{"index":0,"name":"sh","arguments":{"a":1}}}]},"done":false})"
      "\n"
      R"({"model":"m","created_at":"2023-11-14T22:13:20Z","message":{"role":"assistant","content":""},)"
      R"("done":true,"done_reason":"stop","total_duration":12000000,"load_duration":0,"prompt_eval_count":10,)"
      R"("prompt_eval_duration":4000000,"eval_count":5,"eval_duration":8000000,"prompt_cached_count":8,)"
      R"("uncached_reason":"new"})"
      "\n");
  const Json loaded = Json::parse(
      bytes_of(request_for(Dialect::kOllamaGenerate, false), {AnswerFinished{.end = AnswerEnd::kLoaded}}));
  EXPECT_EQ(loaded["done_reason"], "load");
  EXPECT_EQ(loaded["response"], "");
}

TEST(WriteErrors, EndStreamsAndWholeAnswers) {
  const AnswerFailed failed{{.kind = ApiError::Kind::kUnavailable, .message = "going down"}};
  const auto of = [&](Dialect dialect, bool stream) {
    auto writer = make_answer_writer(request_for(dialect, stream), kIdentity);
    std::string bytes;
    if (stream) writer->write(AnswerStarted{});
    bytes = writer->write(failed);
    EXPECT_TRUE(writer->done());
    EXPECT_EQ(writer->status(), 503);
    return bytes;
  };
  const std::string body = R"({"error":{"code":503,"message":"going down","type":"unavailable_error"}})";
  EXPECT_EQ(of(Dialect::kChat, false), body);
  EXPECT_EQ(of(Dialect::kChat, true), "data: " + body + "\n\n");
  EXPECT_EQ(of(Dialect::kNative, true), "data: " + body + "\n\n");
  EXPECT_EQ(of(Dialect::kMessages, true),
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
            "\"message\":\"going down\"}}\n\n");
  EXPECT_EQ(of(Dialect::kOllamaChat, true), "{\"error\":\"going down\"}\n");
  const auto events = events_of(Dialect::kResponses, of(Dialect::kResponses, true));
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].name, "error");
  EXPECT_EQ(events[1].data["response"]["status"], "failed");
  EXPECT_EQ(events[1].data["response"]["error"]["code"], "server_error");
}

TEST(Answers, CallIdsAreOfTheDialect) {
  EXPECT_EQ(call_id_prefix(Dialect::kChat, "u", 0), "call_u_");
  EXPECT_EQ(call_id_prefix(Dialect::kMessages, "u", 0), "toolu_u_");
  EXPECT_EQ(call_id_prefix(Dialect::kChat, "u", 2), "call_u_2_");
}

}  // namespace
}  // namespace gannet
