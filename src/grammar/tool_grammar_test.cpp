// Tool calls: what may be said when functions are declared.
#include "grammar/tool_grammar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "grammar/grammar_for_test.h"

namespace gannet {
namespace {

using testing::HasSubstr;

std::vector<ToolFunction> functions() {
  return {{"get_weather",
           nlohmann::ordered_json::parse(R"({"type":"object","properties":{"city":{"type":"string"},
            "days":{"type":"integer","minimum":1,"maximum":9},"unit":{"type":"string","enum":["C","F"]},
            "where":{"type":"object"}},"required":["city"]})")},
          {"now", nullptr}};
}

StackTable stacks(const ToolGrammarOptions& options) {
  auto g = tool_call_grammar(functions(), options);
  EXPECT_TRUE(g.ok()) << g.error().message();
  return StackTable(Automaton::compile(*g).take());
}

const std::string kNow = "<tool_call>\n<function=now>\n</function>\n</tool_call>";
const std::string kWeather =
    "<tool_call>\n<function=get_weather>\n<parameter=city>\nBonn <b>\n</parameter\nx\n</parameter>\n"
    "<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>";

TEST(ToolGrammar, Tagged) {
  StackTable s = stacks({.required = true});
  EXPECT_TRUE(matches(&s, kNow));
  EXPECT_TRUE(matches(&s, kWeather));
  EXPECT_TRUE(matches(&s, kWeather + "\n" + kNow));
  EXPECT_FALSE(matches(&s, "Hello"));
  EXPECT_FALSE(matches(&s, ""));
  EXPECT_FALSE(matches(&s, kNow + "x"));
  const auto call = [](const std::string& body) {
    return "<tool_call>\n<function=get_weather>\n" + body + "</function>\n</tool_call>";
  };
  const std::string city = "<parameter=city>\n\n</parameter>\n";
  EXPECT_TRUE(matches(&s, call(city)));
  EXPECT_TRUE(matches(
      &s, call(city + "<parameter=unit>\nC\n</parameter>\n<parameter=where>\n{\"a\": 1}\n</parameter>\n")));
  EXPECT_FALSE(matches(&s, call("")));
  EXPECT_FALSE(matches(&s, call(city + "<parameter=unit>\nK\n</parameter>\n")));
  EXPECT_FALSE(matches(&s, call(city + "<parameter=days>\n10\n</parameter>\n")));
  EXPECT_FALSE(matches(&s, call(city + city)));
  EXPECT_FALSE(matches(&s, call(city + "<parameter=other>\n1\n</parameter>\n")));
  EXPECT_FALSE(matches(&s, "<tool_call>\n<function=other>\n</function>\n</tool_call>"));
  // The marker as one control token.
  EXPECT_TRUE(matches(&s, "\xFF" + kNow));
}

TEST(ToolGrammar, AutoIsFreeUntilACallBegins) {
  StackTable s = stacks({.parallel = false});
  EXPECT_TRUE(matches(&s, ""));
  EXPECT_TRUE(matches(&s, "Let me look <tool_cal <b> \xE6\x97\xA5"));
  EXPECT_TRUE(matches(&s, "Let me look.\n" + kNow));
  EXPECT_TRUE(matches(&s, "<<tool_call>" + kNow.substr(11)));
  EXPECT_FALSE(matches(&s, "a <tool_call>"));
  EXPECT_FALSE(matches(&s, "a <tool_call> b"));
  EXPECT_FALSE(matches(&s, kNow + "\n" + kNow));
  EXPECT_TRUE(matches(&s, "\xFF<think>x" + kNow));  // other control tokens are free too
}

TEST(ToolGrammar, NamedFunctionOnly) {
  StackTable s = stacks({.only = "now"});
  EXPECT_TRUE(matches(&s, kNow));
  EXPECT_FALSE(matches(&s, kWeather));
}

TEST(ToolGrammar, Hermes) {
  StackTable s = stacks({.format = ToolFormat::kHermes, .required = true});
  const auto call = [](const std::string& json) { return "<tool_call>\n" + json + "\n</tool_call>"; };
  EXPECT_TRUE(matches(&s, call(R"({"name": "now", "arguments": {}})")));
  EXPECT_TRUE(matches(&s, call(R"({"name": "get_weather", "arguments": {"city": "Bonn", "days": 2}})")));
  EXPECT_FALSE(matches(&s, call(R"({"name": "get_weather", "arguments": {"days": 2}})")));
  EXPECT_FALSE(matches(&s, call(R"({"name": "other", "arguments": {}})")));
}

TEST(ToolGrammar, AfterAMarkerOnly) {
  Grammar json = json_object_grammar();
  StackTable s(Automaton::compile(after_marker(json, "</think>")).take());
  EXPECT_TRUE(matches(&s, "thinking </thin\n</think>\n\n{\"a\": 1}"));
  EXPECT_FALSE(matches(&s, "{\"a\": 1}"));
  EXPECT_FALSE(matches(&s, "x</think>\n\ny"));
}

TEST(ToolGrammar, RefusesByName) {
  const auto error = [](std::vector<ToolFunction> f, const ToolGrammarOptions& options) {
    auto g = tool_call_grammar(f, options);
    return g.ok() ? std::string() : g.error().message();
  };
  EXPECT_THAT(error({}, {}), HasSubstr("no functions"));
  EXPECT_THAT(error({{"a b", nullptr}}, {}), HasSubstr("cannot be the name"));
  EXPECT_THAT(error({{"a", nullptr}, {"a", nullptr}}, {}), HasSubstr("declared twice"));
  EXPECT_THAT(error({{"a", nullptr}}, {.only = "b"}), HasSubstr("\"b\" is not declared"));
  EXPECT_THAT(error({{"a", {{"type", "string"}}}}, {}),
              HasSubstr("the function \"a\": JSON schema, #: the parameters"));
  EXPECT_THAT(error({{"a", {{"properties", {{"x", {{"contains", nullptr}}}}}}}}, {}),
              HasSubstr("#/properties/x/contains"));
}

}  // namespace
}  // namespace gannet
