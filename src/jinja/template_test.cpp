// Errors, limits, and what the program around a template relies on.
#include "jinja/template.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "jinja/render_for_test.h"

namespace gannet::jinja {
namespace {

TEST(JinjaErrors, NameLineColumnAndExpression) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"a\n{{ messages[0].foo.bar }}",
       "line 2, column 4: messages[0].foo.bar: a dict has no attribute 'foo'"},
      {"{{ nope.x }}", "line 1, column 4: nope.x: 'nope' is undefined"},
      {"{{ 'a' + 1 }}", "line 1, column 4: 'a' + 1: `+` does not work between str and int"},
      {"{{ 1 | nope }}", "line 1, column 4: 1 | nope: there is no filter named `nope`"},
      {"{{ 1 is nope }}", "line 1, column 4: 1 is nope: there is no test named `nope`"},
      {"{% for x in 5 %}{% endfor %}", "line 1, column 13: 5: a value of type int cannot be gone through"},
      {"{{ nope() }}", "line 1, column 4: nope(): 'nope' is undefined"},
      {"{{ [1] | tojson(indent=[]) }}",
       "line 1, column 4: [1] | tojson(indent=[]): tojson wants an integer as `indent`, this is list"},
      {"{{ {} | tojson(foo=1) }}", "line 1, column 4: {} | tojson(foo=1): tojson has no parameter `foo`"},
      {"{% set x = 1 %}{% set x.y = 2 %}",
       "line 1, column 23: x.y: only attributes of a namespace can be set"},
      {"{% set a, b = [1] %}", "line 1, column 8: a, b: 1 values for 2 names"},
      {"{{ messages.append(1) }}",
       "line 1, column 4: messages.append(1): this list belongs to the conversation and cannot be changed"},
      {"{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
       "line 1, column 34: m(1, 2): macro m takes 1 arguments, not 2"},
      {"{{ 1 // 0 }}", "line 1, column 4: 1 // 0: division by zero"},
      {"{{ 9223372036854775807 + 1 }}",
       "line 1, column 4: 9223372036854775807 + 1: the result does not fit 64 bits"},
      {"{{ nope | tojson }}", "line 1, column 4: nope | tojson: 'nope' is undefined"},
  };
  for (const auto& [source, message] : cases) {
    const auto made = render_marked(source, R"({"messages": [{"role": "user"}]})");
    ASSERT_FALSE(made.ok()) << source;
    EXPECT_EQ(made.error().message(), message);
    EXPECT_EQ(made.error().code(), ErrorCode::kRuntime);
  }
}

TEST(JinjaErrors, OfTheSourceAreFoundWhenParsing) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"a\n  {{ 1 + }}", "line 2, column 10: expected an expression, found the end of the tag"},
      {"{% if x %}", "line 1, column 11: this if block has no endif"},
      {"{{ 'x }}", "line 1, column 4: this string has no end"},
      {"{{ x", "line 1, column 1: this tag has no end }}"},
      {"{# x", "line 1, column 1: this comment has no end #}"},
      {"{% raw %}", "line 1, column 1: this raw block has no {% endraw %}"},
      {"{% include 'x' %}", "line 1, column 4: the tag `include` is not part of chat templates"},
      {"{% nope %}", "line 1, column 4: there is no tag `nope` here"},
      {"{% break %}", "line 1, column 4: `break` outside of a loop"},
      {"{{ a ] }}", "line 1, column 6: `]` closes nothing"},
      {"{{ a ? b }}", "line 1, column 6: unexpected `?`"},
      {"{{ 99999999999999999999 }}", "line 1, column 4: this number is not one we can hold"},
      {"{% for x in y recursive %}{% endfor %}", "line 1, column 15: recursive loops are not supported"},
  };
  for (const auto& [source, message] : cases) {
    const auto parsed = JinjaTemplate::parse(source);
    ASSERT_FALSE(parsed.ok()) << source;
    EXPECT_EQ(parsed.error().message(), message);
    EXPECT_EQ(parsed.error().code(), ErrorCode::kModelFile);
  }
}

TEST(JinjaErrors, RaisedByTheTemplateAreItsOwnWords) {
  const auto made =
      render_marked("{% macro m() %}{{ raise_exception('No ' ~ role ~ '!') }}{% endmacro %}\n{{ m() }}",
                    R"({"role": "cats"})");
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code(), ErrorCode::kUsage);
  EXPECT_EQ(made.error().message(), "No cats!");
}

// Each of these would take hours, all memory, or the whole stack.
TEST(JinjaLimits, RefuseWhatHasNoEnd) {
  JinjaOptions options;
  options.limits = {.steps = 200'000, .output_bytes = 1 << 20, .memory_bytes = 4 << 20, .macro_depth = 100};
  const std::vector<std::pair<std::string, const char*>> cases = {
      {"{{ 'a' * 10**9 }}", "the values of the template would take more than 4194304 bytes"},
      {"{{ ([1] * 10**9) | length }}", "the values of the template would take more than 4194304 bytes"},
      {"{{ range(10**12) | length }}", "the values of the template would take more than 4194304 bytes"},
      {"{{ 'x'.center(10**9) }}", "the values of the template would take more than 4194304 bytes"},
      {"{{ '%1000000000d' % 1 }}", "the values of the template would take more than 4194304 bytes"},
      {"{{ 'x' | indent(10**10, true) }}", "the values of the template would take more than 4194304 bytes"},
      {"{% set ns = namespace(x='ab') %}{% for i in range(64) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
       "the values of the template would take more than 4194304 bytes"},
      {"{% set ns = namespace(x=[1]) %}{% for i in range(64) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
       "the template takes more than 200000 steps"},
      {"{% set ns = namespace(x='ab') %}{% for i in range(64) %}{% set ns.x = ns.x.replace('', ns.x) %}{% "
       "endfor %}",
       "the values of the template would take more than 4194304 bytes"},
      {"{% set x = 'a' * 100000 %}{% for i in range(20) %}{{ x }}{% endfor %}",
       "the rendered text would take more than 1048576 bytes"},
      {"{% for i in range(1000) %}{% for j in range(1000) %}{% endfor %}{% endfor %}",
       "the template takes more than 200000 steps"},
      {"{% set x = 'a' * 1000000 %}{% for i in range(100) %}{{ x | length }}{% endfor %}",
       "the template takes more than 200000 steps"},
      {"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "macros call each other more than 100 deep"},
      {"{% set ns = namespace(x=[]) %}{% for i in range(300) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
       "a value is nested more than 200 deep"},
  };
  for (const auto& [source, message] : cases)
    EXPECT_NE(render(source, "{}", options).find(message), std::string::npos)
        << source << "\n"
        << render(source, "{}", options);
}

TEST(JinjaLimits, RefuseSourcesThatAreTooLargeOrNestedTooDeep) {
  const auto repeat = [](const std::string& text, int n) {
    std::string made;
    for (int i = 0; i < n; ++i) made += text;
    return made;
  };
  for (const std::string& source :
       {"{{ " + repeat("(", 5000) + "1" + repeat(")", 5000) + " }}", "{{ " + repeat("-", 5000) + "1 }}",
        "{{ " + repeat("not ", 5000) + "1 }}", "{{ 1" + repeat(" + 1", 5000) + " }}",
        "{{ a" + repeat(".a", 5000) + " }}", "{{ a" + repeat("|list", 5000) + " }}",
        "{{ " + repeat("[", 5000) + repeat("]", 5000) + " }}",
        repeat("{% if 1 %}", 5000) + repeat("{% endif %}", 5000),
        "{% for " + repeat("(", 5000) + "a" + repeat(")", 5000) + " in x %}{% endfor %}"}) {
    const auto parsed = JinjaTemplate::parse(source);
    ASSERT_FALSE(parsed.ok()) << source.substr(0, 20);
    EXPECT_NE(parsed.error().message().find("nested more than 200 deep"), std::string::npos)
        << parsed.error().message();
  }
  EXPECT_FALSE(JinjaTemplate::parse(std::string(JinjaTemplate::kMaxSourceBytes + 1, 'x')).ok());
  // Long chains that need no depth are fine.
  EXPECT_EQ(render("{{ 1" + repeat(" ~ 1", 5000) + " }}").size(), 5001u);
  EXPECT_EQ(render("{% if 0 %}" + repeat("{% elif 0 %}", 5000) + "{% else %}x{% endif %}"), "x");
}

// Things that hold themselves are let go (the leak checker of the sanitizer builds watches this), and chains
// of any length are destroyed without recursion.
TEST(JinjaValues, CyclesAndLongChainsAreLetGo) {
  EXPECT_EQ(
      render(
          "{% set ns = namespace() %}{% set ns.me = ns %}{% set l = [] %}{{ l.append(l) }}{{ ns.me.me.x }}"),
      "None");
  EXPECT_EQ(
      render(
          "{% macro m() %}{% endmacro %}{% set ns = namespace(m=m) %}{% for i in [1] %}{% macro n() %}{{ i }}"
          "{% endmacro %}{% set ns.m = n %}{% endfor %}{{ ns.m() }}"),
      "1");
  EXPECT_EQ(
      render("{% set ns = namespace(x=1) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}x"),
      "x");
  EXPECT_EQ(render("{% set ns = namespace(x=1) %}{% for i in range(100000) %}{% set ns.x = {'a': ns.x} %}{% "
                   "endfor %}x"),
            "x");
}

TEST(JinjaValues, FromJsonKeepsOrderAndRefusesWhatItCannotHold) {
  EXPECT_EQ(render("{{ x | tojson }}", R"({"x": {"z": 1, "a": [true, null, 1.5, "é"], "m": {}}})"),
            R"({"z": 1, "a": [true, null, 1.5, "é"], "m": {}})");
  constexpr const char* kBig = R"({"x": [18446744073709551615, -5]})";
  EXPECT_EQ(
      render("{{ x }} {{ x | tojson }} {{ x[0] is integer }} {{ x[0] == x[0] }} {{ x[0] | string }}", kBig),
      "[18446744073709551615, -5] [18446744073709551615, -5] True True 18446744073709551615");
  EXPECT_EQ(render("{{ x[0] + 1 }}", kBig),
            "error: line 1, column 4: x[0] + 1: `+` does not work between int and int");
  EXPECT_EQ(render("x", "{\"x\": " + std::string(300, '[') + std::string(300, ']') + "}"),
            "error: a value is nested more than 200 deep");
  std::string many = "{";
  for (int i = 0; i < 100; ++i) many += "\"k" + std::to_string(i) + "\": " + std::to_string(i) + ", ";
  EXPECT_EQ(render("{{ x.k7 + x['k99'] }}{{ x.k100 is defined }}", "{\"x\": " + many + "\"k7\": 70}}"),
            "169False");
}

TEST(JinjaTemplates, TellWhatTheyMention) {
  const auto parsed =
      JinjaTemplate::parse("{% if enable_thinking %}{{ m.reasoning_content }}{% endif %}{# tools #}");
  EXPECT_TRUE(parsed->mentions("enable_thinking"));
  EXPECT_TRUE(parsed->mentions("reasoning_content"));
  EXPECT_FALSE(parsed->mentions("tools"));
}

TEST(JinjaTemplates, TellTheTimeTheyAreGiven) {
  JinjaOptions options;
  options.now = std::chrono::local_days(std::chrono::year(2024) / 2 / 29) + std::chrono::hours(15);
  EXPECT_EQ(render("{{ strftime_now('%d %B %y %H:%M:%S %A %j %-m %e %%') }}", "{}", options),
            "29 February 24 15:00:00 Thursday 060 2 29 %");
  EXPECT_EQ(render("{{ strftime_now('%Y-%m-%d %I %p %a %b') }}", "{}", options), "2024-02-29 03 PM Thu Feb");
  EXPECT_EQ(
      render("{{ strftime_now('%Q') }}", "{}", options),
      "error: line 1, column 4: strftime_now('%Q'): the format of the time has `%Q`, which is not supported");
}

TEST(JinjaTemplates, AreRenderedByManyThreads) {
  const auto parsed = JinjaTemplate::parse(
      "{% macro m(x) %}<{{ x }}>{% endmacro %}{% for i in l %}{{ m(i ~ s) }}{% set l2 = [i] %}{{ "
      "l2.append(s) }}{% endfor %}");
  const auto json = nlohmann::ordered_json::parse(R"({"l": [1, 2, 3], "s": "text"})");
  const JinjaVariables variables = {{"l", Value::from_json(json["l"], true).take()},
                                    {"s", Value::from_json(json["s"], true).take()}};
  const MarkedText expected = parsed->render(variables).take();
  std::vector<std::thread> threads;
  std::vector<int> equal(4, 0);
  for (size_t t = 0; t < equal.size(); ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) equal[t] += *parsed->render(variables) == expected ? 1 : 0;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(equal, std::vector<int>(4, 200));
}

}  // namespace
}  // namespace gannet::jinja
