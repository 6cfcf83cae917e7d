// GBNF and regular expressions: what they match, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "grammar/gbnf.h"
#include "grammar/grammar_for_test.h"
#include "grammar/regex.h"

namespace gannet {
namespace {

using testing::HasSubstr;

bool gbnf(std::string_view grammar, std::string_view text) {
  auto g = parse_gbnf(grammar);
  EXPECT_TRUE(g.ok()) << g.error().message();
  return g.ok() && matches(*g, text);
}
std::string gbnf_error(std::string_view grammar) {
  auto g = parse_gbnf(grammar);
  if (!g.ok()) return g.error().message();
  auto a = Automaton::compile(*g);
  return a.ok() ? "" : a.error().message();
}

TEST(Gbnf, ReadsItsNotation) {
  EXPECT_TRUE(gbnf("root ::= \"a\" [b-d]+ # comment\n", "acd"));
  EXPECT_FALSE(gbnf("root ::= \"a\" [b-d]+", "a"));
  EXPECT_TRUE(gbnf("root::=\"\\x41\\u00e9\\U0001F600\\n\\t\\\"\\\\\"", "A\xC3\xA9\xF0\x9F\x98\x80\n\t\"\\"));
  EXPECT_TRUE(gbnf("root ::= [^\\n\\]-]* \"]\"", "a\xE6\x97\xA5[]"));
  EXPECT_FALSE(gbnf("root ::= [^\\n\\]-]*", "a-"));
  EXPECT_TRUE(gbnf("root ::= [a-] [-a] .", "--\xE6\x97\xA5"));
  EXPECT_FALSE(gbnf("root ::= .", "\xE6\x97"));
  EXPECT_TRUE(gbnf("root ::= (\n  \"x\" |\n  y-1 # the other\n) {2}\ny-1 ::= \"y\"", "xy"));
  EXPECT_TRUE(gbnf("root ::= \"x\"\n  | \"y\"\n\nother ::= \"z\"\n", "y"));
  EXPECT_TRUE(gbnf("root ::= \"a\" |", ""));
}

TEST(Gbnf, CountsRepeats) {
  for (int n = 0; n <= 7; ++n) {
    const std::string text(static_cast<size_t>(n), 'a');
    EXPECT_EQ(gbnf("root ::= \"a\"{3}", text), n == 3) << n;
    EXPECT_EQ(gbnf("root ::= \"a\"{3,}", text), n >= 3) << n;
    EXPECT_EQ(gbnf("root ::= \"a\"{,3}", text), n <= 3) << n;
    EXPECT_EQ(gbnf("root ::= \"a\"{2,5}", text), n >= 2 && n <= 5) << n;
    EXPECT_EQ(gbnf("root ::= (\"a\"{2})*", text), n % 2 == 0) << n;
  }
}

TEST(Gbnf, TurnsLeftRecursionIntoRepeats) {
  const char* list = "root ::= root \",\" item | item\nitem ::= [0-9]+";
  EXPECT_TRUE(gbnf(list, "1,22,3"));
  EXPECT_FALSE(gbnf(list, "1,"));
  EXPECT_FALSE(gbnf(list, ""));
}

TEST(Gbnf, RefusesByLineAndColumn) {
  EXPECT_THAT(gbnf_error("root ::= a"), HasSubstr("line 1, column 10: the rule \"a\" is not defined"));
  EXPECT_THAT(gbnf_error("a ::= \"x\""), HasSubstr("no rule \"root\""));
  EXPECT_THAT(gbnf_error("root ::= \"x\"\nroot ::= \"y\""),
              HasSubstr("line 2, column 1: the rule \"root\" is defined twice"));
  EXPECT_THAT(gbnf_error("root ::= \"x"), HasSubstr("without its closing quote"));
  EXPECT_THAT(gbnf_error("root ::= [x"), HasSubstr("without its closing bracket"));
  EXPECT_THAT(gbnf_error("root ::= [z-a]"), HasSubstr("end is before its begin"));
  EXPECT_THAT(gbnf_error("root ::= (\"x\""), HasSubstr("a closing parenthesis"));
  EXPECT_THAT(gbnf_error("root ::= \"\\q\""), HasSubstr("an unknown escape"));
  EXPECT_THAT(gbnf_error("root ::= \"\\ud800\""), HasSubstr("U+D800 is not a character"));
  EXPECT_THAT(gbnf_error("root ::= \"x\"{3,2}"), HasSubstr("at least 3 and at most 2"));
  EXPECT_THAT(gbnf_error("root ::= \"x\"{99999999999}"), HasSubstr("a repeat of more than"));
  EXPECT_THAT(gbnf_error("root ::= <[12]>"), HasSubstr("by number"));
  EXPECT_THAT(gbnf_error("root ::= !<x>"), HasSubstr("negated token"));
  EXPECT_THAT(gbnf_error("root ::= a\na ::= b \"x\"\nb ::= a | \"y\""), HasSubstr("left recursion"));
  EXPECT_THAT(gbnf_error("root ::= " + std::string(5000, '(')), HasSubstr("nested deeper"));
  EXPECT_THAT(gbnf_error("root = \"x\""), HasSubstr("expected ::="));
  EXPECT_THAT(gbnf_error("root ::= \"\xFF\""), HasSubstr("not valid UTF-8"));
}

// A hostile 120 KB is refused or compiled, in bounded time.
TEST(Gbnf, HostileGrammarsCostLittle) {
  std::string nested = "root ::= ";
  while (nested.size() < 120'000) nested += "((((([a-z]?)*)?){1,9})?){0,1000} ";
  EXPECT_THAT(gbnf_error(nested), HasSubstr("too large"));
  std::string rules = "root ::= r0\n";
  for (int i = 0; i < 4000; ++i)
    rules += "r" + std::to_string(i) + " ::= r" + std::to_string((i * 7 + 1) % 4000) + "? \"x\" r" +
             std::to_string((i + 1) % 4000) + " | \"y\"\n";
  (void)gbnf_error(rules);
  std::string alternatives = "root ::= (";
  for (int i = 0; i < 10000; ++i) alternatives += "\"" + std::to_string(i * 7919) + "\" | ";
  EXPECT_EQ(gbnf_error(alternatives + "\"\"){1,3}"), "");
}

bool regex(std::string_view pattern, std::string_view text, bool contains = true) {
  auto g = regex_grammar(pattern, contains);
  EXPECT_TRUE(g.ok()) << g.error().message();
  return g.ok() && matches(*g, text);
}

TEST(Regex, AgreesWithTheStandardLibrary) {
  const std::vector<std::string> patterns = {"a",
                                             "^a",
                                             "a$",
                                             "^a$",
                                             "^(a|b)*c$",
                                             "^a|b$",
                                             "(^a|b)c",
                                             "a(b|$)",
                                             "^(?:ab?)+$",
                                             "^a{2}$",
                                             "^a{1,}$",
                                             "a{1,2}b",
                                             "[ab]c",
                                             "[^ab]",
                                             "^[^a]*$",
                                             "^\\w\\d?$",
                                             "\\s",
                                             "^.$",
                                             "",
                                             "^$",
                                             "^(a+?b)*$",
                                             "^a\\.b$",
                                             "^[a\\]b-]+$",
                                             "(a)(b)|c",
                                             "^(a|ab)(c|bc)$",
                                             "^\\x61\\u0062$",
                                             "^[\\d-]+$",
                                             "a|^$",
                                             "^(|a)b$"};
  std::vector<std::string> texts = {""};
  for (size_t i = 0; i < texts.size() && texts[i].size() < 4; ++i)
    for (const char c : {'a', 'b', 'c', '1', '.', ']', ' '})
      if (texts[i].size() < 3 || c < 'd') texts.push_back(texts[i] + c);
  for (const std::string& pattern : patterns) {
    const std::regex oracle(pattern);
    StackTable stacks(Automaton::compile(regex_grammar(pattern, true).take()).take());
    for (const std::string& text : texts)
      ASSERT_EQ(matches(&stacks, text), std::regex_search(text, oracle)) << pattern << " on " << text;
  }
}

TEST(Regex, KnowsUnicode) {
  EXPECT_TRUE(regex("^\\u{1F600}$", "\xF0\x9F\x98\x80"));
  EXPECT_TRUE(regex("^\\uD83D\\uDE00$", "\xF0\x9F\x98\x80"));
  EXPECT_TRUE(regex("^[é-ü]$", "\xC3\xB6"));
  EXPECT_TRUE(regex("^.{2}$", "\xE6\x97\xA5x"));
  EXPECT_FALSE(regex("^.$", "\n"));
  EXPECT_TRUE(regex("^\\cJ$", "\n"));
  EXPECT_TRUE(regex("^(?<year>\\d{4})$", "2024"));
  EXPECT_TRUE(regex("ab", "ab", false));
  EXPECT_FALSE(regex("ab", "xab", false));
  EXPECT_TRUE(regex("^ab$|c", "c", false));
}

TEST(Regex, RefusesByName) {
  const auto error = [](std::string_view pattern) {
    auto g = regex_grammar(pattern);
    return g.ok() ? std::string() : g.error().message();
  };
  EXPECT_THAT(error("(?=a)"), HasSubstr("look-around"));
  EXPECT_THAT(error("(?<!a)b"), HasSubstr("look-around"));
  EXPECT_THAT(error("(a)\\1"), HasSubstr("back references"));
  EXPECT_THAT(error("\\k<a>"), HasSubstr("back references"));
  EXPECT_THAT(error("a\\b"), HasSubstr("word boundary"));
  EXPECT_THAT(error("\\p{L}"), HasSubstr("\\p"));
  EXPECT_THAT(error("a^b"), HasSubstr("anchor"));
  EXPECT_THAT(error("(^a)*"), HasSubstr("anchor"));
  EXPECT_THAT(error("(a"), HasSubstr("closing parenthesis"));
  EXPECT_THAT(error("a)"), HasSubstr("closing parenthesis"));
  EXPECT_THAT(error("[a"), HasSubstr("closing bracket"));
  EXPECT_THAT(error("[z-a]"), HasSubstr("end is before its begin"));
  EXPECT_THAT(error("*a"), HasSubstr("nothing before it"));
  EXPECT_THAT(error("a**"), HasSubstr("quantifier of a quantifier"));
  EXPECT_THAT(error("(?i)a"), HasSubstr("unknown kind of group"));
  EXPECT_THAT(error("\\"), HasSubstr("backslash"));
  EXPECT_THAT(error(std::string(3000, '(')), HasSubstr("nested deeper"));
}

}  // namespace
}  // namespace gannet
