#include "answer_script.h"

#include <gtest/gtest.h>

#include "api/read_request.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

std::string answer(const Json& rules, const Json& messages, bool in_thought = false) {
  const auto made = AnswerRules::read(rules);
  EXPECT_TRUE(made.ok());
  Json body = {{"messages", messages}};
  body["tools"] = Json::array({{{"type", "function"}, {"function", {{"name", "look"}}}}});
  const auto request = read_request_json(Dialect::kChat, body);
  EXPECT_TRUE(request.ok());
  return made->answer(*request, in_thought).value_or("none");
}

Json said(const char* role, const char* text) {
  return {{"role", role}, {"content", text}};
}

TEST(AnswerScript, TheFirstRuleThatHoldsAnswers) {
  const Json rules = {{{"user", "sea"}, {"system", "short"}, {"text", "a"}},
                      {{"user", "sea"}, {"round", 1}, {"result", "wet"}, {"text", "b"}},
                      {{"user", "sea"}, {"tool", "look"}, {"round", 0}, {"text", "c"}},
                      {{"tool", "other"}, {"text", "d"}}};
  EXPECT_EQ(answer(rules, Json::array({said("user", "the sea")})), "c");
  EXPECT_EQ(answer(rules, {said("system", "be short"), said("user", "the sea")}), "a");
  EXPECT_EQ(answer(rules, {said("user", "sea"), said("assistant", "x"), said("user", "land")}), "none");
  Json called = said("assistant", "");
  called["tool_calls"] = Json::array(
      {{{"id", "1"}, {"type", "function"}, {"function", {{"name", "look"}, {"arguments", "{}"}}}}});
  Json result = said("tool", "it is wet");
  result["tool_call_id"] = "1";
  EXPECT_EQ(answer(rules, {said("user", "sea"), called, result}), "b");
  result["content"] = "dry";
  EXPECT_EQ(answer(rules, {said("user", "sea"), called, result}), "none");
}

TEST(AnswerScript, ThoughtsAreWrittenAsThePromptLeftThem) {
  const Json thinks = Json::array({{{"thought", "hm"}, {"text", "yes"}}});
  const Json plain = Json::array({{{"text", "yes"}}});
  EXPECT_EQ(answer(thinks, Json::array({said("user", "u")})), "<think>\nhm\n</think>\n\nyes");
  EXPECT_EQ(answer(thinks, Json::array({said("user", "u")}), true), "hm\n</think>\n\nyes");
  EXPECT_EQ(answer(plain, Json::array({said("user", "u")})), "yes");
  EXPECT_EQ(answer(plain, Json::array({said("user", "u")}), true), "\n</think>\n\nyes");
}

TEST(AnswerScript, WrongRulesAreNamed) {
  for (const Json& wrong : {Json{{"user", "x"}}, Json{{"text", 1}}, Json{{"text", ""}, {"rond", "1"}},
                            Json{{"text", ""}, {"round", "1"}}, Json("text")})
    EXPECT_FALSE(AnswerRules::read(Json::array({wrong})).ok()) << wrong;
}

}  // namespace
}  // namespace gannet
