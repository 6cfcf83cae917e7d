// Calls that the grammar allows, read by the parser: what comes out is right under the schema, whatever
// mixture of types it declares.
#include <gtest/gtest.h>

#include <random>

#include "chat/output_parser.h"
#include "grammar/schema_reader.h"
#include "grammar/stack_table.h"
#include "grammar/tool_grammar.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

// Bytes that lead somewhere: those of JSON and of the format, and a few others.
constexpr std::string_view kBytes = "ab \n\"\\{}[]:,0123456789.-+eEtrufalsnTFNo</>=pmc_ilt\xC3\xA9";

// A text of the grammar, by a random walk that ends as soon as it can once it is long.
std::string random_text(StackTable* stacks, std::mt19937_64* random) {
  std::string text;
  StackTable::Id at = stacks->start();
  const auto next = [&](uint8_t byte) { return stacks->next(at, byte); };
  while (!stacks->complete(at) || stacks->can_read(at)) {
    if (stacks->complete(at) && text.size() > 20 && (*random)() % 4 == 0) break;
    if (text.size() > 4000) return "";  // lost in nested values
    std::vector<uint8_t> ways;
    // The ends of values are long words, which a walk seldom finds.
    static constexpr std::string_view kEnd = "\n</parameter>\n";
    StackTable::Id after = at;
    for (const char c : kEnd) after = stacks->next(after, static_cast<uint8_t>(c));
    if (after != StackTable::kDead && (*random)() % 8 == 0) {
      text += kEnd;
      at = after;
      continue;
    }
    static constexpr std::string_view kTags[] = {"</parameter>", "</function>", "</tool_call>",
                                                 "<parameter=p>", "\n"};
    const std::string_view tag = kTags[(*random)() % std::size(kTags)];
    after = at;
    for (const char c : tag) after = stacks->next(after, static_cast<uint8_t>(c));
    if (after != StackTable::kDead && (*random)() % 8 == 0) {
      text += tag;
      at = after;
      continue;
    }
    for (const char c : kBytes)
      if (next(static_cast<uint8_t>(c)) != StackTable::kDead) ways.push_back(static_cast<uint8_t>(c));
    if (ways.empty())
      for (int c = 0; c < 256; ++c)
        if (next(static_cast<uint8_t>(c)) != StackTable::kDead) ways.push_back(static_cast<uint8_t>(c));
    if (ways.empty()) break;
    const uint8_t byte = ways[(*random)() % ways.size()];
    text += static_cast<char>(byte);
    at = next(byte);
  }
  std::erase(text, static_cast<char>(kControlMark));
  return text;
}

const char* const kParameters[] = {
    R"({"type": "string"})",
    R"({"type": ["string", "null"]})",
    R"({"anyOf": [{"type": "string"}, {"type": "null"}]})",
    R"({"anyOf": [{"type": "string", "maxLength": 6}, {"type": "integer", "minimum": 3, "maximum": 12}]})",
    R"({"type": ["integer", "string"]})",
    R"({"enum": ["up", "down"]})",
    R"({"enum": ["5", 5, "null", true, "a b"]})",
    R"({"const": "x"})",
    R"({"type": "string", "pattern": "^[a-e]+[0-9]$"})",
    R"({"type": "string", "not": {"const": "a"}})",
    R"({"anyOf": [{"enum": ["true", "a"]}, {"type": "boolean"}]})",
    R"({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string", "maxLength": 3}, "maxItems": 2}]})",
    R"({"anyOf": [{"type": "string"}, {"type": "object", "properties": {"a": {"type": "integer"}},)"
    R"( "required": ["a"], "additionalProperties": false}]})",
    R"({"oneOf": [{"type": "string", "minLength": 2}, {"type": "boolean"}]})",
    R"({"$ref": "#/$defs/name"})",
    R"({"allOf": [{"type": ["string", "number"]}, {"type": ["string", "boolean"], "maxLength": 5}]})",
    R"({"type": "integer", "minimum": -3, "maximum": 300})",
    R"({"type": "boolean"})",
    R"({"type": ["boolean", "null"]})",
    R"({"type": "string", "format": "date"})",
    R"({})",
    R"(true)",
};

void check(const Json& schema, int n_texts, uint64_t seed) {
  Tool tool{"f", {{"type", "function"}, {"function", {{"name", "f"}, {"parameters", schema}}}}};
  const ToolFunction function{"f", schema};
  auto grammar = tool_call_grammar({&function, 1}, {.required = true, .parallel = false});
  ASSERT_TRUE(grammar.ok()) << grammar.error().message();
  StackTable stacks(Automaton::compile(*grammar).take());
  SchemaReader reader(schema);
  const SchemaFacts facts = reader.facts({{&schema, "#"}}).take();
  std::mt19937_64 random(seed);
  int n_read = 0;
  for (int i = 0; i < n_texts; ++i) {
    const std::string text = random_text(&stacks, &random);
    if (text.empty()) continue;
    ++n_read;
    OutputParser parser({.calls = CallFormat::kTagged, .tools = {&tool, 1}});
    parser.feed(text);
    parser.finish(OutputEnd::kStop);
    ASSERT_EQ(parser.message().calls.size(), 1u) << text;
    EXPECT_EQ(parser.message().content, "") << text;
    const ToolCall& call = parser.message().calls[0];
    EXPECT_TRUE(call.complete) << text;
    EXPECT_TRUE(reader.valid(facts, Json::parse(call.arguments)).take()) << schema << "\n"
                                                                         << text << "\n"
                                                                         << call.arguments;
  }
  EXPECT_GT(n_read, n_texts / 4);
}

TEST(ToolGrammarRoundTrip, EveryMixtureOfTypes) {
  uint64_t seed = 1;
  for (const char* parameter : kParameters) {
    Json schema = {{"type", "object"}, {"required", {"p"}}, {"additionalProperties", false}};
    schema["properties"]["p"] = Json::parse(parameter);
    schema["properties"]["q"] = Json::parse(parameter);
    schema["$defs"]["name"] = {{"type", "string"}, {"minLength", 1}};
    check(schema, 200, ++seed);
  }
}

TEST(ToolGrammarRoundTrip, PropertiesBehindReferencesAndParts) {
  check(Json::parse(R"({"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", "required": ["p"],
                        "properties": {"p": {"type": "integer", "maximum": 5}}}}})"),
        100, 1);
  check(Json::parse(R"({"type": "object", "allOf": [{"properties": {"p": {"type": ["string", "null"]}}},
                        {"properties": {"p": {"type": ["null", "integer"]}}}], "required": ["p"]})"),
        100, 2);
}

TEST(ToolGrammarRoundTrip, ParametersWithoutNames) {
  check(Json::parse(R"({"type": "object", "additionalProperties": {"type": "integer"}})"), 100, 1);
  check(Json::parse(R"({"type": "object", "additionalProperties": {"type": ["string", "boolean"]}})"), 100,
        2);
  check(Json::parse(R"({"type": "object"})"), 100, 3);
  check(Json::parse(R"({"type": "object", "required": ["p"]})"), 100, 4);
}

}  // namespace
}  // namespace gannet
