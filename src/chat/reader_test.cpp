#include "chat/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

std::string error_of(const char* messages) {
  const auto read = read_messages(Json::parse(messages));
  return read.ok() ? "none" : read.error().message();
}

TEST(Reader, ReadsWhatClientsSend) {
  const auto read = read_conversation(Json::parse(R"({"model": "x", "messages": [
      {"role": "developer", "content": "Be brief."},
      {"role": "user", "name": "ann", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "x": 1}]},
      {"role": "assistant", "content": null, "reasoning_content": "hm", "refusal": null, "tool_calls": [
          {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"z\": 1, \"a\": [2]}"}},
          {"id": "c2", "function": {"name": "g", "arguments": {"k": "v"}}},
          {"id": "c3", "function": {"name": "h", "arguments": ""}}]},
      {"role": "tool", "tool_call_id": "c1", "content": "done"}],
    "tools": [{"function": {"name": "f", "parameters": {"type": "object"}}}]})"));
  ASSERT_TRUE(read.ok()) << read.error().message();
  const auto& m = read->messages;
  ASSERT_EQ(m.size(), 4u);
  EXPECT_EQ(m[0].role, Role::kSystem);
  EXPECT_EQ(m[1].content, "ab");
  EXPECT_EQ(m[1].name, "ann");
  EXPECT_EQ(m[2].reasoning, "hm");
  ASSERT_EQ(m[2].calls.size(), 3u);
  EXPECT_EQ(m[2].calls[0], (ToolCall{"c1", "f", "{\"z\": 1, \"a\": [2]}"}));
  EXPECT_EQ(m[2].calls[1].arguments, R"({"k":"v"})");
  EXPECT_EQ(m[2].calls[2].arguments, "{}");
  EXPECT_EQ(m[3].call_id, "c1");
  EXPECT_EQ(read->tools[0].declaration["type"], "function");
}

TEST(Reader, NamesWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({})", "messages: must be an array, not an object"},
      {R"([])", "messages: is empty: at least one message is needed"},
      {R"([5])", "messages[0]: must be an object, not a number"},
      {R"([{"content": "a"}])", "messages[0].role: is missing"},
      {R"([{"role": "robot", "content": "a"}])",
       "messages[0].role: \"robot\" is not one of system, developer, user, assistant, tool"},
      {R"([{"role": "user"}])", "messages[0].content: is missing"},
      {R"([{"role": "user", "content": 5}])",
       "messages[0].content: must be a string or an array of parts, not a number"},
      {R"([{"role": "user", "content": "a"}, {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]}])",
       "messages[1].content[1]: parts of type \"image_url\" are not supported, only text"},
      {R"([{"role": "user", "content": [{"type": "text"}]}])", "messages[0].content[0].text: is missing"},
      {R"([{"role": "assistant", "reasoning_content": []}])",
       "messages[0].reasoning_content: must be a string, not an array"},
      {R"([{"role": "user", "content": "a", "tool_calls": [{}]}])",
       "messages[0].tool_calls: belong to assistant messages"},
      {R"([{"role": "assistant", "tool_calls": [{"id": "a"}]}])",
       "messages[0].tool_calls[0].function: is missing"},
      {R"([{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "[1]"}}]}])",
       "messages[0].tool_calls[0].function.arguments: the string must hold a JSON object, not an array"},
      {R"([{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": 5}}]}])",
       "messages[0].tool_calls[0].function.arguments: must be a JSON object or a string that holds one, not "
       "a number"},
      {R"([{"role": "tool", "content": "a", "tool_call_id": 5}])",
       "messages[0].tool_call_id: must be a string, not a number"}};
  for (const auto& [json, message] : cases) EXPECT_EQ(error_of(json), message) << json;
  EXPECT_THAT(
      error_of(
          R"([{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{\"a\":"}}]}])"),
      testing::StartsWith(
          "messages[0].tool_calls[0].function.arguments: is not JSON: parse error at line 1, column 6"));
}

TEST(Reader, Tools) {
  const auto error = [](const char* tools) {
    const auto read = read_tools(Json::parse(tools));
    return read.ok() ? "none" : read.error().message();
  };
  EXPECT_EQ(error("null"), "none");
  EXPECT_EQ(error(R"([{"type": "web_search"}])"),
            "tools[0].type: \"web_search\" is not supported, only function");
  EXPECT_EQ(error(R"([{"type": "function"}])"), "tools[0].function: is missing");
  EXPECT_EQ(error(R"([{"function": {"name": "a b"}}])"),
            "tools[0].function.name: \"a b\" has white space, '<', '>' or '\"' in it");
  EXPECT_EQ(error(R"([{"function": {"name": "f"}}, {"function": {"name": "f"}}])"),
            "tools[1].function.name: \"f\" is declared twice");
  EXPECT_EQ(error(R"([{"function": {"name": "f", "parameters": "x"}}])"),
            "tools[0].function.parameters: must be an object, not a string");
}

TEST(Reader, DeepOrBrokenJsonIsRefused) {
  EXPECT_EQ(read_json(std::string(100000, '['), "body").error().message(),
            "body: is nested more than 200 deep");
  EXPECT_FALSE(read_json("{\"a\": \"\xFF\"}", "body").ok());
  EXPECT_FALSE(read_json("", "body").ok());
  EXPECT_TRUE(read_json("{\"a\": \"[[\\\"[\"}", "body").ok());
}

TEST(Reader, SystemMessagesAreMerged) {
  const auto make = [](Role role, const char* text) {
    Message message;
    message.role = role;
    message.content = text;
    return message;
  };
  std::vector<Message> messages{make(Role::kSystem, "a"), make(Role::kUser, "u")};
  EXPECT_FALSE(merge_system_messages(&messages));
  messages.push_back(make(Role::kSystem, ""));
  messages.push_back(make(Role::kSystem, "b"));
  EXPECT_TRUE(merge_system_messages(&messages));
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0], make(Role::kSystem, "a\n\nb"));
  EXPECT_EQ(messages[1], make(Role::kUser, "u"));
}

TEST(Reader, MessagesGoOutAsTheyCameIn) {
  const Json json =
      Json::parse(R"([{"role": "assistant", "reasoning_content": "r", "content": null, "tool_calls":
      [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}}]},
      {"role": "tool", "content": "x", "name": "f", "tool_call_id": "c"}])");
  const auto read = read_messages(json);
  ASSERT_TRUE(read.ok());
  for (size_t i = 0; i < json.size(); ++i) EXPECT_EQ(message_json((*read)[i]), json[i]);
}

}  // namespace
}  // namespace gannet
