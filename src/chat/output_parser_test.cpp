#include "chat/output_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <chrono>

#include "chat/output_check_for_test.h"

namespace gannet {
namespace {

using testing::HasSubstr;

std::vector<Tool> tools() {
  return {tool_for_test("write", R"({"properties": {"path": {"type": "string"}, "content": {"type": "string"},
                                     "mode": {"type": "integer"}, "force": {"type": "boolean"},
                                     "tags": {"type": "array"}, "note": {"type": ["string", "null"]},
                                     "any": {}, "extra": {"$ref": "#/$defs/extra"}},
                      "$defs": {"extra": {"anyOf": [{"type": "object"}, {"type": "null"}]}}})"),
          tool_for_test("now", R"({"type": "object"})")};
}

class OutputParserTest : public testing::Test {
 protected:
  ParsedOutput parse(std::string_view text, OutputEnd end = OutputEnd::kStop) {
    return parse_at_every_split(text, options_, end);
  }
  // The only call of a text that says nothing else.
  ToolCall call(std::string_view text, OutputEnd end = OutputEnd::kStop) {
    const Message message = parse(text, end).message;
    EXPECT_EQ(message.content, "") << text;
    EXPECT_EQ(message.calls.size(), 1u) << text;
    return message.calls.empty() ? ToolCall{} : message.calls[0];
  }
  void expect_text(std::string_view text, OutputEnd end = OutputEnd::kStop) {
    const Message message = parse(text, end).message;
    EXPECT_EQ(message.content, text);
    EXPECT_TRUE(message.calls.empty()) << text;
  }

  std::vector<Tool> tools_ = tools();
  OutputOptions options_{.calls = CallFormat::kTagged, .tools = tools_, .thoughts = true};
};

constexpr char kCall[] =
    "<tool_call>\n<function=write>\n<parameter=path>\na b\n</parameter>\n<parameter=mode>\n7\n</parameter>\n"
    "</function>\n</tool_call>";
constexpr char kArguments[] = R"({"path":"a b","mode":7})";

TEST_F(OutputParserTest, ThoughtsContentAndCalls) {
  const Message message = parse("<think>\nhm\n\nso\n</think>\n\nI will.\n\n" + std::string(kCall)).message;
  EXPECT_EQ(message.reasoning, "hm\n\nso");
  EXPECT_EQ(message.content, "I will.");
  ASSERT_EQ(message.calls.size(), 1u);
  EXPECT_EQ(message.calls[0], (ToolCall{"call_0", "write", kArguments}));
}

TEST_F(OutputParserTest, ThoughtOpenedByThePrompt) {
  options_.starts_in_thought = true;
  EXPECT_EQ(parse("hm\n</think>\n\nyes\n").message.reasoning, "hm");
  EXPECT_EQ(parse("hm\n</think>\n\nyes\n").message.content, "yes\n");
  EXPECT_EQ(parse("<think>\nhm</think>yes").message.reasoning, "hm");  // opened once more
  EXPECT_EQ(parse("\n\n</think>\n\nyes").message.reasoning, std::nullopt);
  EXPECT_EQ(parse("hm\n", OutputEnd::kCut).message.reasoning, "hm");
}

TEST_F(OutputParserTest, ThoughtsInContent) {
  options_.thoughts_in_content = true;
  expect_text("<think>\nhm\n</think>\n\nyes");
  options_.starts_in_thought = true;
  EXPECT_EQ(parse("hm\n</think>\n\nyes").message.content, "<think>\nhm\n</think>\n\nyes");
  EXPECT_EQ(parse("hm\n" + std::string(kCall)).message.content, "<think>\nhm\n</think>");
}

TEST_F(OutputParserTest, WithoutThoughtsTheirTagsAreText) {
  options_.thoughts = false;
  expect_text("<think>\nhm\n</think>\n\nyes");
}

TEST_F(OutputParserTest, TagsThatCloseNothingAreDroppedUnlessQuoted) {
  EXPECT_EQ(parse("yes</think>\n").message.content, "yes\n");
  EXPECT_EQ(parse("yes\n</tool_call>").message.content, "yes\n");
  expect_text("the tag `</tool_call>` and '</think>' and \"<think>\"");
  options_.starts_in_thought = true;
  EXPECT_EQ(parse("is \"</think>\" a tag?</think>").message.reasoning, "is \"</think>\" a tag?");
}

TEST_F(OutputParserTest, ACallEndsAThought) {
  options_.starts_in_thought = true;
  const Message message = parse("hm\n" + std::string(kCall) + "\n</think>\n\nDone.").message;
  EXPECT_EQ(message.reasoning, "hm");
  EXPECT_EQ(message.content, "Done.");
  ASSERT_EQ(message.calls.size(), 1u);
  EXPECT_EQ(parse("no <tool_call> here\n</think>\n").message.reasoning, "no <tool_call> here");
}

TEST_F(OutputParserTest, SeveralCallsAndWordsBetween) {
  const Message message = parse("a\n" + std::string(kCall) + "\n" + kCall + "\nb\n\n" + kCall).message;
  EXPECT_EQ(message.content, "a\nb");
  ASSERT_EQ(message.calls.size(), 3u);
  EXPECT_EQ(message.calls[2], (ToolCall{"call_2", "write", kArguments}));
}

TEST_F(OutputParserTest, OneCallOnly) {
  options_.parallel_calls = false;
  const Message message = parse("a\n" + std::string(kCall) + "\n" + kCall + "\nb").message;
  EXPECT_EQ(message.content, "a");
  EXPECT_EQ(message.calls.size(), 1u);
  OutputParser parser(options_);
  parser.feed(kCall);
  EXPECT_TRUE(parser.done());
}

TEST_F(OutputParserTest, ValuesAreTypedByTheSchema) {
  const auto value = [&](const char* key, const std::string& text) {
    return call("<tool_call>\n<function=write>\n<parameter=" + std::string(key) + ">\n" + text +
                "\n</parameter>\n</function>\n</tool_call>")
        .arguments;
  };
  EXPECT_EQ(value("path", "7"), R"({"path":"7"})");
  EXPECT_EQ(value("path", "\n x \n"), R"({"path":"\n x \n"})");
  EXPECT_EQ(value("path", ""), R"({"path":""})");
  EXPECT_EQ(value("path", "</function> & <b>\x01\xE6\xBC\xA2\"\\"),
            "{\"path\":\"</function> & <b>\\u0001\xE6\xBC\xA2\\\"\\\\\"}");
  EXPECT_EQ(value("mode", " 12345678901234567890123 "), R"({"mode":12345678901234567890123})");
  EXPECT_EQ(value("mode", "many"), R"({"mode":"many"})");
  EXPECT_EQ(value("mode", "1e999"), R"({"mode":"1e999"})");
  EXPECT_EQ(value("force", "True"), R"({"force":true})");
  EXPECT_EQ(value("force", "yes"), R"({"force":"yes"})");
  EXPECT_EQ(value("tags", "[1, {\"a\": \"\n\"}]"), R"({"tags":[1, {"a": "\n"}]})");
  EXPECT_EQ(value("tags", "[1,"), R"({"tags":"[1,"})");
  EXPECT_EQ(value("note", "null"), R"({"note":null})");
  EXPECT_EQ(value("note", "5"), R"({"note":"5"})");
  EXPECT_EQ(value("note", "\"q\""), R"({"note":"\"q\""})");
  EXPECT_EQ(value("any", "{\"a\":1}"), R"({"any":{"a":1}})");
  EXPECT_EQ(value("any", "a"), R"({"any":"a"})");
  EXPECT_EQ(value("extra", "{}"), R"({"extra":{}})");
  EXPECT_EQ(value("undeclared", "5"), R"({"undeclared":"5"})");
  EXPECT_EQ(value("tags", std::string(300, '[') + std::string(300, ']')),
            "{\"tags\":\"" + std::string(300, '[') + std::string(300, ']') + "\"}");
}

TEST_F(OutputParserTest, WhatAValueHolds) {
  const auto content = [&](const std::string& text) {
    const ToolCall made = call("<tool_call>\n<function=write>\n<parameter=content>\n" + text +
                               "\n</parameter>\n</function>\n</tool_call>");
    return nlohmann::json::parse(made.arguments).at("content").get<std::string>();
  };
  for (const std::string text :
       {"</parameter>", "</parameter>\nx", "a\n</parameter>\n<b>", "<parameter=x>\n1\n",
        "x</parameter></function>", "<function=now>\n</function>",
        "<tool_call>\n{\"name\": \"now\"}\n</tool_call>", "</function>\n</tool_call>\nx", "<think>a</think>",
        "</param", "<", "\n</parameter>\n\n</functio>", "</parameter>\n<parameter=\"a\">"}) {
    EXPECT_EQ(content(text), text);
  }
}

TEST_F(OutputParserTest, WhiteSpaceIsFree) {
  for (const char* text :
       {"<tool_call><function=write><parameter=path>a "
        "b</parameter><parameter=mode>7</parameter></function></tool_call>",
        "<tool_call>\n\n<function=write>\n\n<parameter=path>\na "
        "b\n</parameter>\n\n<parameter=mode>\n7\n</parameter>\n"
        "\n</function>\n\n</tool_call>\n\n",
        "<tool_call>\n<function=write>\n<parameter=path>\na b</parameter>\n<parameter=mode>\n7</parameter>\n"
        "</function>\n</tool_call>",
        "<tool_call>\n<function=write>\n<parameter=path>\na "
        "b\n</parameter><parameter=mode>7\n</parameter></function>",
        "  <tool_call>\n  <function=write>\n  <parameter=path>\na b\n</parameter>\n  "
        "<parameter=mode>\n7\n</parameter>\n  "
        "</function>\n  </tool_call>"}) {
    const Message message = parse(text).message;
    ASSERT_EQ(message.calls.size(), 1u) << text;
    EXPECT_EQ(message.calls[0], (ToolCall{"call_0", "write", kArguments})) << text;
    EXPECT_EQ(message.content.find_first_not_of(" \n"), std::string::npos) << message.content;
  }
}

TEST_F(OutputParserTest, MissingAndSurplusTags) {
  const std::string function =
      "<function=write>\n<parameter=path>\na b\n</parameter>\n<parameter=mode>\n7\n</parameter>\n</function>";
  for (const std::string& text :
       std::vector<std::string>{function, function + "\n</tool_call>", "<tool_call>\n" + function,
                                std::string(kCall) + "\n</tool_call>",
                                "<tool_call>\n<function=write>\n<parameter=path>\na "
                                "b\n</parameter>\n<parameter=mode>\n7\n</parameter>\n</tool_call>",
                                "<tool_call>\n<function=write>\n<parameter=path>\na "
                                "b\n</parameter>\n<parameter=mode>\n7\n</function>\n</tool_call>",
                                "<tool_call>\n<function=write>\n<parameter=path>\na "
                                "b\n</parameter>\n<parameter=mode>\n7\n</parameter>"}) {
    EXPECT_EQ(call(text), (ToolCall{"call_0", "write", kArguments})) << text;
  }
  EXPECT_EQ(parse(function + "\n" + function).message.calls.size(), 2u);
  EXPECT_EQ(parse("<tool_call>\n" + function + "\n<tool_call>\n" + function).message.calls.size(), 2u);
  EXPECT_EQ(call("<function=now></function>").arguments, "{}");
  expect_text("<function=other>\n</function>");        // not declared
  expect_text("say `<function=now>\n</function>`");    // quoted
  expect_text("<function=now>\nwhat\n</function>\n");  // no call's insides
  expect_text("<tool_call>\n<function=>\n</function>\n</tool_call>");
  expect_text("a <tool_call>\nhello\n</tool_call>");
}

TEST_F(OutputParserTest, CallsThatAreCutOff) {
  const std::string_view text = kCall;
  for (size_t length = 0; length < text.size(); ++length) {
    const ParsedOutput cut = parse(text.substr(0, length), OutputEnd::kCut);
    EXPECT_THAT(cut.message.content, testing::AnyOf("", text.substr(0, std::min(length, size_t{9}))));
    if (cut.message.calls.empty()) continue;
    EXPECT_THAT(cut.message.calls[0].arguments,
                testing::AnyOf("{}", R"({"path":"a"})", R"({"path":"a "})", R"({"path":"a b"})", kArguments));
    EXPECT_EQ(cut.cut_in_call, !cut.message.calls[0].complete);
    EXPECT_EQ(cut.message.calls[0].complete,
              length >= text.size() - std::string_view("\n</tool_call>").size())
        << length;
  }
  EXPECT_TRUE(parse("<tool_call>\n<func", OutputEnd::kCut).cut_in_call);
  expect_text("<tool_call>\n<func");
  options_.stream_strings = false;
  EXPECT_EQ(call("<function=write>\n<parameter=path>\na b", OutputEnd::kCut).arguments, "{}");
}

TEST_F(OutputParserTest, StringsStreamUnlessToldNot) {
  OutputParser parser(options_);
  parser.feed("<function=write>\n<parameter=content>\n");
  const auto deltas = parser.feed("line\n");
  ASSERT_EQ(deltas.size(), 1u);
  EXPECT_EQ(deltas[0].text, R"({"content":"line)");
  EXPECT_TRUE(parser.in_call());
  options_.stream_strings = false;
  OutputParser silent(options_);
  silent.feed("<function=write>\n<parameter=content>\n");
  EXPECT_TRUE(silent.feed("line\n").empty());
}

TEST_F(OutputParserTest, CallsInJson) {
  for (const char* text :
       {R"(<tool_call>{"name":"write","arguments":{"path":"a b","mode":7}}</tool_call>)",
        "<tool_call>\n{\"name\": \"write\", \"arguments\":{\"path\":\"a b\",\"mode\":7}}\n</tool_call>\n",
        R"(<tool_call>{"arguments":{"path":"a b","mode":7},"name":"write"}</tool_call>)",
        R"(<tool_call>{"name":"write","arguments":"{\"path\":\"a b\",\"mode\":7}"}</tool_call>)",
        R"(<tool_call>{"id":5,"name":"write","x":[{}],"parameters":{"path":"a b","mode":7}}</tool_call>)",
        R"(<tool_call>{"name":"write","arguments":{"path":"a b","mode":7})"  // a brace is missing
        "\n</tool_call>"}) {
    EXPECT_EQ(call(text), (ToolCall{"call_0", "write", kArguments})) << text;
  }
  EXPECT_EQ(call(R"(<tool_call>{"name":"now"}</tool_call>)").arguments, "{}");
  EXPECT_EQ(call("<tool_call>{\"name\":\"write\",\"arguments\":{\"path\":\"a\nb\\d\\ud83d\"}}").arguments,
            R"({"path":"a\nb\\d\ufffd"})");
}

TEST_F(OutputParserTest, JsonThatIsNoCallIsText) {
  for (const char* text :
       {"<tool_call>\n{}\n</tool_call>", "<tool_call>{\"name\":5}</tool_call>", "<tool_call>{\"nam",
        "<tool_call>{\"name\":\"\"}</tool_call>", "<tool_call>{\"arguments\":{}}</tool_call>",
        "<tool_call>{\"name\":\"now\",\"arguments\":[]}</tool_call>",
        "<tool_call>{\"name\":\"now\",\"arguments\":\"x\"}</tool_call>"}) {
    expect_text(text);
  }
  EXPECT_EQ(parse("<tool_call>{oh\n" + std::string(kCall)).message.calls.size(), 1u);
}

TEST_F(OutputParserTest, JsonThatBreaksInsideACall) {
  const Message message =
      parse(R"(<tool_call>{"name":"write","arguments":{"path":"a", oh}}</tool_call>)").message;
  ASSERT_EQ(message.calls.size(), 1u);
  EXPECT_EQ(message.calls[0], (ToolCall{"call_0", "write", R"({"path":"a"})", false}));
  EXPECT_EQ(message.content, "oh}}");
  const std::string_view whole =
      R"(<tool_call>{"name":"write","arguments":{"tags":[1,{"a":null}],"path":"\u00e9"}}</tool_call>)";
  for (size_t length = 0; length < whole.size(); ++length) parse(whole.substr(0, length), OutputEnd::kCut);
}

TEST_F(OutputParserTest, OutputIsUtf8) {
  EXPECT_EQ(parse("a\xFF\xE6\xBC z\xE6\xBC").message.content, "a\xEF\xBF\xBD\xEF\xBF\xBD z\xEF\xBF\xBD");
}

// Tags in any order: nothing breaks, splits change nothing, and what holds no tag of ours comes out as it
// was.
RC_GTEST_FIXTURE_PROP(OutputParserTest, AnySoupOfTags, ()) {
  const std::vector<std::string> parts{"<tool_call>",
                                       "</tool_call>",
                                       "<function=write>",
                                       "<function=now>",
                                       "<function=x>",
                                       "</function>",
                                       "<parameter=path>",
                                       "<parameter=tags>",
                                       "<parameter=x>",
                                       "</parameter>",
                                       "\n",
                                       "\n",
                                       "<think>",
                                       "</think>",
                                       "a",
                                       "[1]",
                                       "\xE6\xBC\xA2",
                                       "`",
                                       "<",
                                       "</",
                                       "{\"name\": \"now\", \"arguments\": {\"a\": ",
                                       "\"x\"",
                                       "}",
                                       "}}",
                                       " "};
  options_.calls = *rc::gen::element(CallFormat::kTagged, CallFormat::kHermes, CallFormat::kNone);
  options_.thoughts = *rc::gen::arbitrary<bool>();
  options_.starts_in_thought = *rc::gen::arbitrary<bool>();
  options_.thoughts_in_content = *rc::gen::arbitrary<bool>();
  options_.parallel_calls = *rc::gen::arbitrary<bool>();
  options_.stream_strings = *rc::gen::arbitrary<bool>();
  const OutputEnd end = *rc::gen::element(OutputEnd::kStop, OutputEnd::kCut);
  std::string text;
  for (const std::string& part : *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(parts)))
    text += part;
  const Message message = parse(text, end).message;
  RC_ASSERT(!testing::Test::HasFailure());
  if (options_.calls == CallFormat::kNone && !options_.thoughts) RC_ASSERT(message.content == text);
}

TEST_F(OutputParserTest, HostileTextTakesLinearTime) {
  const auto started = std::chrono::steady_clock::now();
  for (const std::string unit :
       {"<", "\n", "<tool_call>", "<tool_call>{\"", "<tool_call>\n<function=now>\n<parameter=a>\n",
        "</parameter>\n", "<think>", "`</think>", "<function=n", "<tool_call>{\"arguments\":{\"a\":\"",
        "{\"a\":[", "</tool_call>"}) {
    std::string text;
    while (text.size() < 2'000'000) text += unit;
    for (const size_t piece : {size_t{7}, text.size()}) {
      OutputParser parser(options_);
      for (size_t at = 0; at < text.size(); at += piece)
        parser.feed(std::string_view(text).substr(at, piece));
      parser.finish(OutputEnd::kCut);
    }
    // An argument that never ends, too.
    OutputParser parser(options_);
    parser.feed("<function=write>\n<parameter=tags>\n");
    for (size_t at = 0; at < text.size(); at += 64) parser.feed(std::string_view(text).substr(at, 64));
    parser.finish(OutputEnd::kCut);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(15));
}

}  // namespace
}  // namespace gannet
