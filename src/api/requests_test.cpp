#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "api/read_request.h"
#include "api/services.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;
using testing::ElementsAre;

GenerationRequest request_of(Dialect dialect, std::string_view body) {
  auto request = read_request(dialect, body);
  EXPECT_TRUE(request.ok()) << request.error().message();
  return request.ok() ? request.take() : GenerationRequest();
}

std::string error_of(Dialect dialect, std::string_view body) {
  const auto request = read_request(dialect, body);
  return request.ok() ? "none" : request.error().message();
}

const std::vector<Message>& messages_of(const GenerationRequest& request) {
  return request.chat()->conversation.messages;
}

TEST(ReadChat, TakesAllFields) {
  const auto request = request_of(Dialect::kChat, R"({
    "model": "qwen", "messages": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "hi"}],
    "max_completion_tokens": 50, "temperature": 0.5, "top_p": 0.9, "top_k": 7, "min_p": 0.1, "seed": 42, "n": 2,
    "stop": ["a", "", "b"], "stream": true, "stream_options": {"include_usage": true}, "logprobs": true,
    "top_logprobs": 3, "logit_bias": {"15": -100, "Hello": 1.5}, "presence_penalty": 1, "frequency_penalty": -1,
    "repetition_penalty": 1.1, "response_format": {"type": "json_schema", "json_schema": {"name": "s", "strict": true,
    "schema": {"type": "object"}}}, "tools": [{"type": "function", "function": {"name": "f"}},
    {"type": "function", "function": {"name": "g"}}], "tool_choice": {"type": "function", "function": {"name": "g"}},
    "parallel_tool_calls": false, "reasoning_effort": "low", "thinking_budget_tokens": 100,
    "chat_template_kwargs": {"x": 1}, "cache_prompt": false, "timings_per_token": true, "return_progress": true,
    "prompt_cache_key": "k", "user": "u", "store": true, "metadata": {"a": "b"}, "service_tier": "auto",
    "samplers": ["top_k", "temperature"], "dry_sequence_breakers": ["\n"], "unknown": [1]})");
  EXPECT_EQ(request.model, "qwen");
  ASSERT_EQ(messages_of(request).size(), 2u);
  EXPECT_EQ(messages_of(request)[0].role, Role::kSystem);
  EXPECT_EQ(request.max_tokens, 50);
  EXPECT_EQ(request.n, 2);
  EXPECT_THAT(request.stop, ElementsAre("a", "b"));
  EXPECT_TRUE(request.stream && request.include_usage && request.log_probs && request.timings_per_token);
  EXPECT_TRUE(request.return_progress);
  EXPECT_EQ(request.top_log_probs, 3);
  EXPECT_EQ(request.format.kind, OutputFormat::Kind::kJsonSchema);
  EXPECT_EQ(request.format.name, "s");
  EXPECT_TRUE(request.format.strict);
  EXPECT_EQ(request.format.field, "response_format");
  EXPECT_EQ(request.tool_choice, (ToolChoice{ToolChoice::Mode::kRequired, {"g"}}));
  EXPECT_FALSE(request.parallel_calls);
  EXPECT_EQ(request.thinking_budget, 100);
  EXPECT_EQ(request.chat()->render.variables, Json::parse(R"({"reasoning_effort": "low", "x": 1})"));
  EXPECT_EQ(request.cache_prompt, false);
  EXPECT_EQ(request.session, "k");
  EXPECT_EQ(request.user, "u");
  SamplingParams params;
  request.sampling.apply_to(&params);
  SamplingParams wanted;
  wanted.temperature = 0.5f;
  wanted.top_p = 0.9f;
  wanted.top_k = 7;
  wanted.min_p = 0.1f;
  wanted.presence_penalty = 1;
  wanted.frequency_penalty = -1;
  wanted.repeat_penalty = 1.1f;
  wanted.seed = 42;
  wanted.steps = {SamplingStep::kTopK, SamplingStep::kTemperature};
  EXPECT_EQ(params, wanted);
  EXPECT_THAT(*request.sampling.dry_breakers, ElementsAre("\n"));
  using Bias = SamplingRequest::Bias;
  EXPECT_THAT(request.sampling.logit_bias, ElementsAre(Bias{TokenId{15}, -100}, Bias{"Hello", 1.5f}));
}

TEST(ReadChat, SwitchesThoughts) {
  const auto of = [](const char* more) {
    return request_of(Dialect::kChat,
                      std::string(R"({"messages": [{"role": "user", "content": "a"}], )") + more + "}");
  };
  EXPECT_EQ(of(R"("reasoning_effort": "none")").chat()->render.thinking, false);
  EXPECT_EQ(of(R"("enable_thinking": true)").chat()->render.thinking, true);
  EXPECT_EQ(of(R"("n": 1)").chat()->render.thinking, std::nullopt);
  EXPECT_EQ(of(R"("reasoning_format": "none")").thoughts, ThoughtPlace::kInContent);
  EXPECT_EQ(of(R"("reasoning_budget": -1)").thinking_budget, std::nullopt);
  EXPECT_FALSE(of(R"("continue_final_message": false)").chat()->render.continue_last);
  EXPECT_EQ(of(R"("max_tokens": -1)").max_tokens, std::nullopt);
  EXPECT_EQ(of(R"("max_tokens": 8.0)").max_tokens, 8);
  EXPECT_EQ(of(R"("seed": -1)").sampling.seed, std::nullopt);
  EXPECT_EQ(of(R"("seed": 18446744073709551615)").sampling.seed, 18446744073709551615u);
  EXPECT_TRUE(std::isinf(of(R"("logit_bias": [[5, false]])").sampling.logit_bias[0].bias));
  EXPECT_EQ(of(R"("regex": "a+")").format.kind, OutputFormat::Kind::kRegex);
  EXPECT_EQ(of(R"("response_format": {"type": "json_object", "schema": {}})").format.kind,
            OutputFormat::Kind::kJsonSchema);
}

TEST(ReadChat, NamesWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {R"("n": 0)", "n: must be an integer from 1 to 128"},
      {R"("n": 1.5)", "n: must be an integer from 1 to 128"},
      {R"("n": "1")", "n: must be an integer, not a string"},
      {R"("max_tokens": -2)", "max_tokens: must be an integer of at least -1"},
      {R"("max_tokens": 1e300)", "max_tokens: must be an integer of at least -1"},
      {R"("temperature": "hot")", "temperature: must be a number, not a string"},
      {R"("temperature": 1e39)", "temperature: is 1e+39; it must be a finite number"},
      {R"("top_p": 2)", "top_p: is 2; it must be from 0 to 1"},
      {R"("stop": [1])", "stop[0]: must be a string, not a number"},
      {R"("stream": 1)", "stream: must be true or false, not a number"},
      {R"("stream_options": [])", "stream_options: must be an object, not an array"},
      {R"("top_logprobs": 2)", "top_logprobs: needs logprobs to be true"},
      {R"("logit_bias": {"1": "x"})", "logit_bias.1: the bias must be a number or false, not a string"},
      {R"("logit_bias": [[1]])", "logit_bias[0]: must be a pair: a token or text, and a bias"},
      {R"("tool_choice": "required")", "tool_choice: a call is required, but there are no tools"},
      {R"("tool_choice": "some")", "tool_choice: \"some\" is not one of auto, none, required"},
      {R"("tools": [{"function": {"name": "f"}}], "tool_choice": {"type": "function", "function": {"name": "g"}})",
       "tool_choice: \"g\" is not among the tools"},
      {R"("tools": [{"type": "code"}])", "tools[0].type: \"code\" is not supported, only function"},
      {R"("response_format": {"type": "xml"})",
       "response_format.type: \"xml\" is not one of text, json_object, json_schema"},
      {R"("response_format": {"type": "json_schema", "json_schema": {}})",
       "response_format.json_schema.schema: is missing"},
      {R"("grammar": "root ::= 1", "response_format": {"type": "json_object"})",
       "response_format: cannot be combined with grammar"},
      {R"("guided_choice": ["a"])",
       "guided_choice: is not supported; use response_format, json_schema, grammar or regex"},
      {R"("functions": [{}])", "functions: is out of date; use tools and tool_choice"},
      {R"("modalities": ["text", "audio"])", "modalities: only text is supported"},
      {R"("lora": [{"id": 0}])", "lora: adapters are not supported"},
      {R"("chat_template_kwargs": 1)", "chat_template_kwargs: must be an object, not a number"},
      {R"("samplers": ["magic"])", "samplers: "},
  };
  for (const auto& [more, wanted] : cases) {
    EXPECT_THAT(error_of(Dialect::kChat,
                         std::string(R"({"messages": [{"role": "user", "content": "a"}], )") + more + "}"),
                testing::StartsWith(wanted));
  }
  EXPECT_EQ(error_of(Dialect::kChat, "[]"), "request: must be an object, not an array");
  EXPECT_EQ(error_of(Dialect::kChat, "{}"), "messages: is missing");
  EXPECT_EQ(
      error_of(Dialect::kChat, R"({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]})"),
      "messages[0].content[0]: parts of type \"image_url\" are not supported, only text");
  EXPECT_THAT(error_of(Dialect::kChat, "{"), testing::StartsWith("request: is not JSON: "));
}

TEST(ReadCompletion, TakesPromptsOfAllKinds) {
  const auto prompts = [](const char* prompt) {
    const auto request = request_of(Dialect::kCompletion, std::string(R"({"prompt": )") + prompt + "}");
    return std::get<RawInput>(request.input).prompts;
  };
  using Ids = std::vector<TokenId>;
  EXPECT_THAT(prompts(R"("a")"), ElementsAre(RawPrompt{{"a"}}));
  EXPECT_THAT(prompts("[1, 2]"), ElementsAre(RawPrompt{{Ids{1, 2}}}));
  EXPECT_THAT(prompts(R"([1, "a", 2, 3])"), ElementsAre(RawPrompt{{Ids{1}, "a", Ids{2, 3}}}));
  EXPECT_THAT(prompts(R"(["a", "b"])"), ElementsAre(RawPrompt{{"a"}}, RawPrompt{{"b"}}));
  EXPECT_THAT(prompts(R"([[1], "b", {"prompt_string": "c"}])"),
              ElementsAre(RawPrompt{{Ids{1}}}, RawPrompt{{"b"}}, RawPrompt{{"c"}}));
  const auto error = [](const char* prompt) {
    return error_of(Dialect::kCompletion, std::string(R"({"prompt": )") + prompt + "}");
  };
  EXPECT_EQ(error("[]"), "prompt: is empty");
  EXPECT_EQ(error("[-1]"), "prompt[0]: is no token number");
  EXPECT_EQ(error("[[1], 2]"), "prompt[1]: token numbers beside prompts; put them into a list of their own");
  EXPECT_EQ(error("[[[1]]]"), "prompt[0][0]: must be a token number, not an array");
  EXPECT_EQ(error("5"),
            "prompt: must be a string, an array of token numbers, or an array of prompts, not a number");
  EXPECT_EQ(error(R"({"prompt_string": "a", "multimodal_data": ["x"]})"),
            "prompt.multimodal_data: images and sound are not supported");
}

TEST(ReadCompletion, TakesItsOwnFields) {
  const auto request =
      request_of(Dialect::kCompletion,
                 R"({"prompt": ["a", "b"], "n": 3, "best_of": 3, "logprobs": 2, "max_tokens": 5})");
  EXPECT_EQ(request.n_choices(), 6u);
  EXPECT_TRUE(request.log_probs);
  EXPECT_EQ(request.top_log_probs, 2);
  const auto infill = request_of(Dialect::kCompletion, R"({"prompt": "a", "suffix": "b"})");
  EXPECT_EQ(std::get<InfillInput>(infill.input).prefix, "a");
  EXPECT_EQ(error_of(Dialect::kCompletion, R"({"prompt": "a", "best_of": 2})"),
            "best_of: other values than n are not supported");
}

TEST(ReadResponses, TurnsItemsIntoMessages) {
  const auto request = request_of(Dialect::kResponses, R"({
    "model": "m", "instructions": "Be brief.", "stream": true, "store": false, "max_output_tokens": 9,
    "include": ["reasoning.encrypted_content"], "reasoning": {"effort": "high", "summary": "auto"},
    "text": {"format": {"type": "json_schema", "name": "s", "schema": {"type": "object"}}, "verbosity": "low"},
    "tools": [{"type": "function", "name": "sh", "description": "d", "parameters": {"type": "object"}, "strict": false},
              {"type": "web_search"}],
    "tool_choice": {"type": "function", "name": "sh"},
    "input": [
      {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Rules"}]},
      {"role": "user", "content": "do it"},
      {"type": "reasoning", "summary": [], "encrypted_content": "gannet-reasoning:let me see"},
      {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I will"}]},
      {"type": "function_call", "call_id": "c1", "name": "sh", "arguments": "{\"a\": 1}"},
      {"type": "function_call", "call_id": "c2", "name": "sh", "arguments": ""},
      {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "ok"}]},
      {"type": "function_call_output", "call_id": "c2", "output": "fine"},
      {"type": "web_search_call", "id": "x"}]})");
  const auto& messages = messages_of(request);
  ASSERT_EQ(messages.size(), 6u);
  EXPECT_EQ(messages[0], (Message{.role = Role::kSystem, .content = "Be brief."}));
  EXPECT_EQ(messages[1], (Message{.role = Role::kSystem, .content = "Rules"}));
  EXPECT_EQ(messages[2], (Message{.role = Role::kUser, .content = "do it"}));
  EXPECT_EQ(messages[3], (Message{.role = Role::kAssistant,
                                  .content = "I will",
                                  .reasoning = "let me see",
                                  .calls = {{"c1", "sh", "{\"a\": 1}"}, {"c2", "sh", "{}"}}}));
  EXPECT_EQ(messages[4], (Message{.role = Role::kTool, .content = "ok", .call_id = "c1", .name = "sh"}));
  EXPECT_EQ(messages[5].content, "fine");
  EXPECT_EQ(request.chat()->conversation.tools[0].declaration,
            Json::parse(R"({"type": "function", "function": {"name": "sh", "description": "d",
                            "parameters": {"type": "object"}, "strict": false}})"));
  EXPECT_THAT(request.warnings, ElementsAre("input[8].type: items of type \"web_search_call\" are skipped",
                                            "tools[1].type: tools of type \"web_search\" are skipped"));
  EXPECT_EQ(request.max_tokens, 9);
  EXPECT_TRUE(request.encrypted_reasoning);
  EXPECT_EQ(request.format.name, "s");
  EXPECT_EQ(request.chat()->render.variables["reasoning_effort"], "high");
  EXPECT_EQ(request.tool_choice.names.size(), 1u);
}

TEST(ReadResponses, AnswersProbesAndNamesWhatIsWrong) {
  EXPECT_EQ(messages_of(request_of(Dialect::kResponses, R"({"input": [], "max_output_tokens": 1})")).size(),
            1u);
  EXPECT_EQ(messages_of(request_of(Dialect::kResponses, R"({"input": ""})")).size(), 1u);
  const std::pair<const char*, const char*> cases[] = {
      {"{}", "input: is missing"},
      {R"({"input": [{"role": "user", "content": [{"type": "input_image"}]}]})",
       "input[0].content[0].type: \"input_image\" is not supported, only text"},
      {R"({"input": [{"type": "function_call", "call_id": "a", "name": "f", "arguments": "{"}]})",
       "input[0].arguments: is not JSON: "},
      {R"({"input": "a", "previous_response_id": "r"})",
       "previous_response_id: is not supported: nothing is stored"},
      {R"({"input": "a", "tools": [{"type": "function"}]})", "tools[0].name: is missing"},
      {R"({"input": "a", "tools": [{"type": "function", "name": "a b"}]})",
       "tools[0].name: \"a b\" has white space"},
      {R"({"input": "a", "background": true})", "background: is not supported"},
  };
  for (const auto& [body, wanted] : cases)
    EXPECT_THAT(error_of(Dialect::kResponses, body), testing::StartsWith(wanted));
}

TEST(ReadMessages, TurnsBlocksIntoMessages) {
  const auto request = request_of(Dialect::kMessages, R"({
    "model": "claude", "max_tokens": 100, "stop_sequences": ["x"], "thinking": {"type": "enabled", "budget_tokens": 64},
    "metadata": {"user_id": "u"}, "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
    "system": [{"type": "text", "text": "x-anthropic-billing-header: cc_version=1; cch=ab12f; x=1"},
               {"type": "text", "text": "You are", "cache_control": {"type": "ephemeral"}}],
    "tools": [{"name": "ls", "description": "lists", "input_schema": {"type": "object"}}],
    "messages": [
      {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
      {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": ""},
        {"type": "text", "text": "ok"}, {"type": "tool_use", "id": "t1", "name": "ls", "input": {"p": "."}}]},
      {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "is_error": true,
        "content": [{"type": "text", "text": "none"}]}, {"type": "text", "text": "go on"}, {"type": "new_thing"}]}]})");
  const auto& messages = messages_of(request);
  ASSERT_EQ(messages.size(), 5u);
  EXPECT_EQ(messages[0].content, "x-anthropic-billing-header: cc_version=1; cch=0; x=1\n\nYou are");
  EXPECT_EQ(messages[1].content, "a\nb");
  EXPECT_EQ(messages[2], (Message{.role = Role::kAssistant,
                                  .content = "ok",
                                  .reasoning = "hm",
                                  .calls = {{"t1", "ls", R"({"p":"."})"}}}));
  EXPECT_EQ(messages[3],
            (Message{.role = Role::kTool, .content = "Error: none", .call_id = "t1", .name = "ls"}));
  EXPECT_EQ(messages[4], (Message{.role = Role::kUser, .content = "go on"}));
  EXPECT_EQ(request.max_tokens, 100);
  EXPECT_EQ(request.thinking_budget, 64);
  EXPECT_EQ(request.chat()->render.thinking, true);
  EXPECT_EQ(request.tool_choice.mode, ToolChoice::Mode::kRequired);
  EXPECT_FALSE(request.parallel_calls);
  EXPECT_EQ(request.user, "u");
  EXPECT_EQ(request.chat()->conversation.tools[0].name, "ls");
  EXPECT_THAT(request.warnings,
              ElementsAre("messages[2].content[2].type: blocks of type \"new_thing\" are skipped"));
  const std::pair<const char*, const char*> cases[] = {
      {R"({"messages": []})", "messages: is empty: at least one message is needed"},
      {R"({"messages": [{"role": "user", "content": [{"type": "image"}]}]})",
       "messages[0].content[0].type: \"image\" is not supported, only text"},
      {R"({"messages": [{"role": "user", "content": [{"type": "tool_use"}]}]})",
       "messages[0].content[0].type: \"tool_use\" does not belong to messages of this role"},
      {R"({"messages": [{"role": "user", "content": "a"}], "tools": [{"type": "bash_20250124", "name": "bash"}]})",
       "tools[0].type: \"bash_20250124\" is not one of custom"},
      {R"({"messages": [{"role": "user", "content": "a"}], "thinking": {"type": "enabled", "budget_tokens": "x"}})",
       "thinking.budget_tokens: must be an integer, not a string"},
      {R"({"messages": [{"role": "user", "content": "a"}], "system": [{"type": "image"}]})",
       "system[0].type: \"image\" is not one of text"},
  };
  for (const auto& [body, wanted] : cases) EXPECT_EQ(error_of(Dialect::kMessages, body), wanted);
}

TEST(ReadNative, TakesItsFields) {
  const auto request =
      request_of(Dialect::kNative, R"({"prompt": "a", "n_predict": 3, "n_probs": 2, "id_slot": 1,
      "return_tokens": true, "json_schema": {"type": "string"}, "t_max_predict_ms": 100, "samplers": "kt",
      "response_fields": ["content"], "post_sampling_probs": true, "ignore_eos": true, "sse_ping_interval": -1})");
  EXPECT_EQ(request.max_tokens, 3);
  EXPECT_EQ(request.top_log_probs, 2);
  EXPECT_EQ(request.slot, 1);
  EXPECT_EQ(request.max_predict_ms, 100);
  EXPECT_EQ(request.ping_seconds, -1);
  EXPECT_EQ(request.sampling.steps->size(), 2u);
  EXPECT_EQ(request.format.field, "json_schema");
  EXPECT_TRUE(request.return_tokens && request.post_sampling && request.ignore_eos && !request.stream);
  const auto infill =
      request_of(Dialect::kInfill, R"({"input_prefix": "a", "input_suffix": "b", "prompt": "c",
      "input_extra": [{"filename": "f", "text": "t"}]})");
  const auto& input = std::get<InfillInput>(infill.input);
  EXPECT_THAT(input.extra, ElementsAre(InfillInput::Extra{"f", "t"}));
  EXPECT_EQ(input.prompt, "c");
  EXPECT_EQ(error_of(Dialect::kInfill, R"({"input_prefix": "a"})"), "input_suffix: is missing");
}

TEST(ReadOllama, TakesItsFields) {
  const auto chat =
      request_of(Dialect::kOllamaChat, R"({"model": "m", "think": "low", "format": {"type": "object"},
      "keep_alive": "1m30s", "options": {"num_predict": 4, "temperature": 0, "stop": ["x"], "num_ctx": 4096},
      "tools": [{"type": "function", "function": {"name": "f"}}],
      "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "", "thinking": "t",
      "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]},
      {"role": "tool", "tool_name": "f", "content": "r"}]})");
  EXPECT_TRUE(chat.stream);
  EXPECT_EQ(chat.max_tokens, 4);
  EXPECT_EQ(chat.sampling.temperature, 0.0f);
  EXPECT_EQ(chat.keep_alive_seconds, 90);
  EXPECT_EQ(chat.format.kind, OutputFormat::Kind::kJsonSchema);
  EXPECT_EQ(chat.chat()->render.thinking, true);
  EXPECT_EQ(messages_of(chat)[1].calls[0].arguments, R"({"a":1})");
  EXPECT_EQ(messages_of(chat)[2].name, "f");
  EXPECT_TRUE(request_of(Dialect::kOllamaChat, R"({"model": "m"})").load_only);
  const auto generate =
      request_of(Dialect::kOllamaGenerate, R"({"prompt": "a", "system": "s", "stream": false})");
  EXPECT_EQ(messages_of(generate).size(), 2u);
  EXPECT_FALSE(generate.stream || generate.load_only);
  EXPECT_TRUE(std::holds_alternative<RawInput>(
      request_of(Dialect::kOllamaGenerate, R"({"prompt": "a", "raw": true})").input));
  EXPECT_TRUE(request_of(Dialect::kOllamaGenerate, R"({"model": "m", "keep_alive": 0})").load_only);
  EXPECT_EQ(error_of(Dialect::kOllamaGenerate, R"({"prompt": "a", "images": ["x"]})"),
            "images: are not supported, only text");
  EXPECT_EQ(error_of(Dialect::kOllamaGenerate, R"({"keep_alive": "5 days"})"),
            "keep_alive: must be seconds or a duration like \"5m\"");
  EXPECT_EQ(error_of(Dialect::kOllamaChat, R"({"messages": [{"role": "user", "content": 5}]})"),
            "messages[0].content: must be a string, not a number");
}

TEST(Services, ReadAndWrite) {
  const auto tokenize = read_tokenize(Json::parse(R"({"content": "a", "with_pieces": true})"));
  ASSERT_TRUE(tokenize.ok());
  EXPECT_TRUE(tokenize->with_pieces && tokenize->parse_special && !tokenize->add_special);
  const TokenPiece pieces[] = {{1, "a"}, {2, "\xc3"}};
  EXPECT_EQ(write_tokenize(pieces, true), R"({"tokens":[{"id":1,"piece":"a"},{"id":2,"piece":[195]}]})");
  EXPECT_EQ(write_tokenize(pieces, false), R"({"tokens":[1,2]})");
  EXPECT_THAT(*read_detokenize(Json::parse(R"({"tokens": [1, 2]})")), ElementsAre(1, 2));
  EXPECT_EQ(read_detokenize(Json::parse(R"({"tokens": ["a"]})")).error().message(),
            "tokens[0]: must be a token number, not a string");
  EXPECT_EQ(write_detokenize("a"), R"({"content":"a"})");
  EXPECT_EQ(write_token_count(Dialect::kMessages, 5), R"({"input_tokens":5})");
  EXPECT_EQ(write_token_count(Dialect::kChat, 5), R"({"object":"response.input_tokens","input_tokens":5})");
  const auto chat = read_apply_template(
      Json::parse(R"({"messages": [{"role": "user", "content": "a"}], "add_generation_prompt": false})"));
  ASSERT_TRUE(chat.ok());
  EXPECT_FALSE(chat->render.add_generation_prompt);
  EXPECT_EQ(*read_ollama_show(Json::parse(R"({"name": "m"})")), "m");
  EXPECT_EQ(read_ollama_show(Json::parse("{}")).error().message(), "model: is missing");
  EXPECT_EQ(read_control(Json::parse(R"({"id": "x", "action": "stop"})")).error().message(),
            "action: \"stop\" is not one of reasoning_end");
  EXPECT_EQ(write_settings({}, {})["samplers"].size(), 10u);
  const ModelCard card{
      .id = "m", .n_ctx = 4096, .n_params = 35'100'000'000, .architecture = "qwen35moe", .tools = true};
  const Json models = Json::parse(write_models(std::span(&card, 1)));
  EXPECT_EQ(models["data"][0]["context_length"], 4096);
  EXPECT_EQ(models["models"][0]["details"]["parameter_size"], "35.1B");
  EXPECT_EQ(Json::parse(write_ollama_ps(std::span(&card, 1)))["models"].size(), 0u);
  ModelCard loaded = card;
  loaded.loaded = true;
  EXPECT_EQ(Json::parse(write_ollama_ps(std::span(&loaded, 1)))["models"][0]["context_length"], 4096);
  EXPECT_EQ(Json::parse(write_ollama_show(card))["model_info"]["qwen35moe.context_length"], 4096);
  EXPECT_EQ(Json::parse(write_ollama_tags(std::span(&card, 1)))["models"][0]["modified_at"],
            "1970-01-01T00:00:00Z");
}

TEST(ApiErrors, InEachDialect) {
  const ApiError error = api_error(Error(ErrorCode::kUsage, "messages[0].role: is missing"));
  EXPECT_EQ(error.param, "messages[0].role");
  EXPECT_EQ(error_body(Dialect::kChat, error),
            R"({"error":{"code":400,"message":"messages[0].role: is missing","type":"invalid_request_error",)"
            R"("param":"messages[0].role"}})");
  EXPECT_EQ(
      error_body(Dialect::kMessages, error),
      R"({"type":"error","error":{"type":"invalid_request_error","message":"messages[0].role: is missing"}})");
  EXPECT_EQ(error_body(Dialect::kResponses, error),
            R"({"error":{"code":"invalid_prompt","message":"messages[0].role: is missing",)"
            R"("type":"invalid_request_error","param":"messages[0].role"}})");
  const auto thread =
      read_request(Dialect::kMessages, std::string_view(R"({"max_tokens":9,"thread":{"type":"create"},
    "messages":[{"role":"user","content":"x"}]})"));
  ASSERT_FALSE(thread.ok());
  EXPECT_EQ(Json::parse(error_body(Dialect::kMessages, api_error(thread.error())))["error"]["details"],
            Json::parse(R"({"error_code":"thread_unsupported_request","unsupported":["thread"]})"));
  EXPECT_EQ(error_body(Dialect::kOllamaChat, error), R"({"error":"messages[0].role: is missing"})");
  EXPECT_EQ(api_error(Error(ErrorCode::kUsage, "the context is full: 5")).param, "");
  const Json context = Json::parse(error_body(Dialect::kNative, context_error(10, 5)))["error"];
  EXPECT_EQ(context["type"], "exceed_context_size_error");
  EXPECT_EQ(context["n_prompt_tokens"], 10);
  EXPECT_EQ(context["n_ctx"], 5);
  EXPECT_EQ(http_status(ApiError::Kind::kRateLimit), 429);
  EXPECT_EQ(http_status(ApiError::Kind::kUnavailable), 503);
  EXPECT_EQ(http_status(api_error(Error(ErrorCode::kRuntime, "x")).kind), 500);
}

}  // namespace
}  // namespace gannet
