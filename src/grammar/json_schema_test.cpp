// JSON Schema: texts that a schema has and has not, and what is refused.
#include "grammar/json_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "grammar/grammar_for_test.h"

namespace gannet {
namespace {

using testing::HasSubstr;

struct Case {
  const char* schema;
  std::vector<const char*> valid, invalid;
};

void check(const Case& c) {
  auto g = parse_json_schema(c.schema);
  ASSERT_TRUE(g.ok()) << c.schema << ": " << g.error().message();
  auto a = Automaton::compile(*g);
  ASSERT_TRUE(a.ok()) << c.schema << ": " << a.error().message();
  StackTable stacks(*a);
  for (const char* text : c.valid) EXPECT_TRUE(matches(&stacks, text)) << c.schema << " has not " << text;
  for (const char* text : c.invalid) EXPECT_FALSE(matches(&stacks, text)) << c.schema << " has " << text;
}

TEST(JsonSchema, HasWhatIsValid) {
  const Case cases[] = {
      {R"({})",
       {"1", "-0.5e3", "\"x\\u00e9\\n\"", "[]", "{\"a\":[1, {}]}", "null", "{\n  \"a\": 1\n}"},
       {"", "01", "+1", "[1,]", "{a:1}", "\"\n\"", "\"\\ud800\"", "\"\\x\"", "nul", "[1  , 2]"}},
      {R"(false)", {}, {}},
      {R"({"type":"integer","minimum":-3,"exclusiveMaximum":12})",
       {"-3", "0", "9", "10", "11"},
       {"-4", "12", "1.0", "-0", "007"}},
      {R"({"type":"integer","multipleOf":7,"minimum":0})", {"0", "7", "49", "700"}, {"1", "48", "-7"}},
      {R"({"type":"number","minimum":0,"maximum":1})",
       {"0", "1", "0.5", "1.000", "0.999999"},
       {"1.1", "-0.1", "2", "1.001", "1e0"}},
      {R"({"type":"number","exclusiveMinimum":-1.25,"exclusiveMaximum":0})",
       {"-1.2", "-0.001", "-1.2499"},
       {"-1.25", "0", "-1.250", "-1.3", "0.0", "1"}},
      {R"({"type":"number","minimum":0.1})", {"0.1", "0.10", "1", "3.5"}, {"0", "0.09", "0.0999"}},
      {R"({"type":"number","multipleOf":0.01})", {"1", "1.5", "-2.25"}, {"1.255"}},
      {R"({"type":"string","minLength":2,"maxLength":3})",
       {"\"ab\"", "\"日本語\"", "\"a\\n\"", "\"\\ud83d\\ude00x\""},
       {"\"a\"", "\"abcd\"", "1"}},
      {R"({"type":"string","pattern":"^a\"b$"})", {"\"a\\\"b\""}, {"\"a\"", "\"a\\u0022b\""}},
      {R"({"type":"string","pattern":"b","maxLength":2})",
       {"\"b\"", "\"xb\"", "\"by\""},
       {"\"xby\"", "\"x\""}},
      {R"({"type":"string","format":"date"})",
       {"\"2024-02-29\"", "\"2000-02-29\"", "\"1999-12-31\""},
       {"\"2023-02-29\"", "\"1900-02-29\"", "\"2024-13-01\"", "\"2024-04-31\""}},
      {R"({"type":"string","format":"ipv4"})",
       {"\"0.255.1.10\""},
       {"\"256.1.1.1\"", "\"01.1.1.1\"", "\"1.1.1\""}},
      {R"({"enum":["a",1,null,{"x":[1,2]}]})",
       {"\"a\"", "1", "null", "{\"x\": [1,2]}"},
       {"\"b\"", "2", "{}"}},
      {R"({"type":"string","enum":["a",1]})", {"\"a\""}, {"1"}},
      {R"({"const":"q\"\n"})", {"\"q\\\"\\n\""}, {"\"q\""}},
      {R"({"type":["string","null"]})", {"\"\"", "null"}, {"1"}},
      {R"({"type":"string","nullable":true})", {"\"\"", "null"}, {"1"}},
      {R"({"type":"array","items":{"type":"boolean"},"minItems":1,"maxItems":3})",
       {"[true]", "[true, false,true]"},
       {"[]", "[1]", "[true,true,true,true]"}},
      {R"({"type":"array","prefixItems":[{"const":1},{"const":2}],"items":{"const":3},"minItems":1})",
       {"[1]", "[1,2]", "[1,2,3,3]"},
       {"[]", "[2]", "[1,2,4]"}},
      {R"({"items":[{"const":1}],"additionalItems":false})", {"[]", "[1]"}, {"[1,1]"}},
      {R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}},"required":["b"],"additionalProperties":false})",
       {"{\"a\":1,\"b\":\"\"}", "{\"b\": \"x\"}"},
       {"{}", "{\"a\":1}", "{\"b\":\"\",\"c\":1}", "{\"b\":\"\",\"a\":1}", "{\"b\":\"\",}"}},
      {R"({"type":"object","properties":{"a":{"const":1}},"additionalProperties":{"type":"null"}})",
       {"{}", "{\"a\":1}", "{\"a\":1,\"ab\":null,\"\":null}", "{\"x\":null}"},
       {"{\"a\":null}", "{\"x\":1}", "{\"\\u0061\":null}"}},
      {R"({"patternProperties":{"^x":{"const":1},"y$":{"type":"integer"}},"additionalProperties":false})",
       {"{\"x\":1}", "{\"y\":5}", "{\"xy\":1}"},
       {"{\"xy\":5}", "{\"z\":1}", "{\"x\":2}"}},
      {R"({"properties":{"xa":{"type":"integer"}},"patternProperties":{"^x":{"maximum":3}}})",
       {"{\"xa\":3}"},
       {"{\"xa\":4}"}},
      {R"({"type":"object","minProperties":1,"maxProperties":2,"properties":{"a":{"const":1},"b":{"const":2}},"additionalProperties":false})",
       {"{\"a\":1}", "{\"b\":2}", "{\"a\":1,\"b\":2}"},
       {"{}"}},
      {R"({"type":"object","propertyNames":{"pattern":"^[a-z]$"}})",
       {"{\"a\":1}", "{}"},
       {"{\"ab\":1}", "{\"1\":1}"}},
      {R"({"anyOf":[{"type":"integer"},{"type":"string","maxLength":1}]})",
       {"5", "\"a\""},
       {"\"ab\"", "null"}},
      {R"({"allOf":[{"type":"integer","minimum":3},{"maximum":5}]})", {"3", "5"}, {"2", "6"}},
      {R"({"allOf":[{"properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"a":{"minimum":2}},"additionalProperties":false}],"type":"object"})",
       {"{\"a\":2}"},
       {"{\"a\":1}", "{}", "{\"a\":2,\"b\":1}"}},
      {R"({"type":"integer","anyOf":[{"minimum":10},{"maximum":1}]})", {"10", "1", "-5"}, {"5"}},
      {R"({"oneOf":[{"type":"object","properties":{"k":{"const":"a"}},"required":["k"],"additionalProperties":false},{"type":"object","properties":{"k":{"const":"b"},"v":{"type":"integer"}},"required":["k","v"],"additionalProperties":false}]})",
       {"{\"k\":\"a\"}", "{\"k\":\"b\",\"v\":1}"},
       {"{\"k\":\"b\"}", "{\"k\":\"a\",\"v\":1}"}},
      {R"({"oneOf":[{"type":"string","pattern":"^a"},{"type":"string","pattern":"^b"},{"type":"null"}]})",
       {"\"a\"", "\"bc\"", "null"},
       {"\"c\""}},
      {R"({"not":{"type":"string"}})", {"1", "null"}, {"\"\""}},
      {R"({"type":"string","not":{"enum":["a"]}})", {"\"b\"", "\"aa\""}, {"\"a\""}},
      {R"({"$ref":"#/$defs/n","$defs":{"n":{"type":"object","properties":{"next":{"anyOf":[{"$ref":"#/$defs/n"},{"type":"null"}]}},"required":["next"],"additionalProperties":false}}})",
       {"{\"next\":null}", "{\"next\":{\"next\":{\"next\":null}}}"},
       {"{}", "{\"next\":1}"}},
      {R"({"$ref":"#/definitions/a~1b","definitions":{"a/b":{"const":1}}})", {"1"}, {"2"}},
      {R"({"title":"T","description":"d","default":3,"type":"integer","examples":[1]})", {"1"}, {"\"\""}},
  };
  for (const Case& c : cases)
    if (std::string_view(c.schema) != "false") check(c);
}

TEST(JsonSchema, CompactHasNoSpace) {
  auto g = parse_json_schema(R"({"type":"object","properties":{"a":{"type":"array"}},"required":["a"]})",
                             {.space = JsonSpace::kNone})
               .take();
  EXPECT_TRUE(matches(g, "{\"a\":[1,{\"b\":2}],\"c\":null}"));
  EXPECT_FALSE(matches(g, "{\"a\": [1]}"));
  EXPECT_FALSE(matches(g, "{\"a\":[1, 2]}"));
}

TEST(JsonSchema, SpaceIsBounded) {
  auto g = json_object_grammar();
  EXPECT_TRUE(matches(g, "{\n  \"a\": 1,\n\t\"b\": {}\n}"));
  EXPECT_FALSE(matches(g, "{  }"));
  EXPECT_FALSE(matches(g, "{\n\n}"));
  EXPECT_FALSE(matches(g, "{\n" + std::string(21, ' ') + "}"));
  EXPECT_FALSE(matches(g, "[]"));
}

TEST(JsonSchema, RefusesByKeywordAndPlace) {
  const auto error = [](std::string_view schema) {
    auto g = parse_json_schema(schema);
    if (!g.ok()) return g.error().message();
    auto a = Automaton::compile(*g);
    return a.ok() ? std::string() : a.error().message();
  };
  EXPECT_THAT(error(R"({"properties":{"a":{"if":{},"then":{}}}})"),
              HasSubstr("#/properties/a/then: cannot be enforced"));
  EXPECT_THAT(error(R"({"items":{"uniqueItems":true}})"), HasSubstr("#/items/uniqueItems"));
  EXPECT_THAT(error(R"({"contains":{}})"), HasSubstr("#/contains"));
  EXPECT_THAT(error(R"({"dependentRequired":{}})"), HasSubstr("#/dependentRequired"));
  EXPECT_THAT(error(R"j({"type":"string","pattern":"(?=x)"})j"), HasSubstr("#/pattern: regular expression"));
  EXPECT_THAT(error(R"({"type":"string","format":"iri"})"),
              HasSubstr("#/format: the format \"iri\" cannot be enforced"));
  EXPECT_THAT(error(R"({"type":"number","multipleOf":0.3})"), HasSubstr("#/multipleOf"));
  EXPECT_THAT(error(R"({"type":"number","not":{"type":"integer"}})"),
              HasSubstr("#/not: numbers that are no"));
  EXPECT_THAT(error(R"({"type":"number","maximum":5,"exclusiveMinimum":1e-300})"),
              HasSubstr("#/exclusiveMinimum: the bounds of the number have more digits"));
  EXPECT_THAT(error(R"({"oneOf":[{"type":"integer"},{"type":"number"}]})"),
              HasSubstr("#/oneOf: a value could be right under both 0 and 1"));
  EXPECT_THAT(error(R"({"not":{"required":["a"]}})"), HasSubstr("#/not: only a type"));
  EXPECT_THAT(error(R"({"$ref":"http://x/y"})"), HasSubstr("#/$ref: \"http://x/y\" is not in this document"));
  EXPECT_THAT(error(R"({"$ref":"#/nowhere"})"), HasSubstr("there is no \"#/nowhere\""));
  EXPECT_THAT(error(R"({"$ref":"#"})"), HasSubstr("refers to itself"));
  EXPECT_THAT(error(R"({"anyOf":[{"$ref":"#"},{"type":"null"}]})"), HasSubstr("refers to itself"));
  EXPECT_THAT(error(R"({"type":"strin"})"), HasSubstr("#/type: must be null"));
  EXPECT_THAT(error(R"({"type":"object","minLength":-1})"),
              HasSubstr("#/minLength: must be a number of things"));
  EXPECT_THAT(error(R"({"unevaluatedProperties":false,"anyOf":[{}]})"), HasSubstr("#/unevaluatedProperties"));
  EXPECT_THAT(error(R"({"properties":{"a":5}})"), HasSubstr("#/properties/a: a schema is an object"));
  EXPECT_THAT(error("false"), HasSubstr("no text at all"));
  EXPECT_THAT(error(R"({"type":"integer","minimum":2,"maximum":1})"), HasSubstr("no text at all"));
  EXPECT_THAT(error("{"), HasSubstr("is not JSON"));
  EXPECT_THAT(error(std::string(1000, '[') + std::string(1000, ']')), HasSubstr("nested deeper"));
}

// An item stands in the grammar of its array twice, before and behind a comma, so what is copied must stay
// small.
TEST(JsonSchema, StatesDoNotDoubleWithEachLevel) {
  std::string schema = R"({"type":"integer"})";
  const auto n_states = [&](int levels) {
    for (int i = 0; i < levels; ++i)
      schema = R"({"type":"array","items":{"type":"object","properties":{"a":)" + schema +
               R"(,"b":{"type":"string"}},"required":["a"]}})";
    const auto a = Automaton::compile(parse_json_schema(schema).take());
    return a.ok() ? (*a)->n_states() : UINT32_MAX;
  };
  const uint32_t ten = n_states(10);
  EXPECT_LT(n_states(10), 3 * ten);  // 20 levels
}

// Every value of a small range is or is not a text, as arithmetic says.
TEST(JsonSchema, RangesOfNumbersAreExact) {
  for (const auto& [low, high] : {std::pair{-13, 7}, {-250, -99}, {5, 5}, {98, 1001}, {0, 0}, {-1, 120}}) {
    const std::string bounds =
        "\"minimum\":" + std::to_string(low) + ",\"maximum\":" + std::to_string(high) + "}";
    StackTable whole(Automaton::compile(parse_json_schema("{\"type\":\"integer\"," + bounds).take()).take());
    StackTable real(Automaton::compile(parse_json_schema("{\"type\":\"number\"," + bounds).take()).take());
    for (int tenths = -13000; tenths <= 13000; ++tenths) {
      const bool in = tenths >= low * 10 && tenths <= high * 10;
      const int magnitude = std::abs(tenths);
      const std::string text = (tenths < 0 ? "-" : "") + std::to_string(magnitude / 10);
      ASSERT_EQ(matches(&real, text + "." + std::to_string(magnitude % 10)), in)
          << tenths << " in " << bounds;
      if (tenths % 10 == 0) {
        ASSERT_EQ(matches(&whole, text), in) << text << " in " << bounds;
      }
    }
  }
}

}  // namespace
}  // namespace gannet
