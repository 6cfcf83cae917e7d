// Who wrote what: every operation keeps it.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "jinja/render_for_test.h"
#include "jinja/text_builder.h"

namespace gannet::jinja {
namespace {

constexpr const char* kVariables = R"({"a": "Foe", "b": " x\"y ", "l": ["p", "q"], "d": {"k": "v"}, "n": 5})";

TEST(JinjaMarks, SurviveEveryOperation) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"own {{ a }} own", "own «Foe» own"},
      {"{{ a ~ '-' ~ a }}{{ 'o' + a }}", "«Foe»-«Foe»o«Foe»"},
      {"{{ ('<' ~ a ~ '>')[1:3] }}|{{ ('<' ~ a)[::-1] }}|{{ ('<' ~ a)[1] }}", "«Fo»|«eoF»<|«F»"},
      {"{{ ('o' ~ a) | upper }} {{ ('O' ~ a).lower() }} {{ (a ~ ' ok') | title }}", "O«FOE» o«foe» «Foe» Ok"},
      {"{{ (a ~ 'x') | replace('o', '0') }} {{ 'aXb' | replace('X', a) }}", "«F»0«e»x a«Foe»b"},
      {"{{ ('k,' ~ a).split(',') | join(';') }} {{ l | join('<') }}", "k;«Foe» «p»<«q»"},
      {"{{ b | trim }}{{ b.strip() }}{{ ('o' ~ b).lstrip('o ') }}", "«x\"yx\"yx\"y »"},
      {"{{ b | tojson }} {{ d | tojson }} {{ [a, 'own'] | tojson }}",
       "\"« x\\\"y »\" {\"«k»\": \"«v»\"} [\"«Foe»\", \"own\"]"},
      {"{{ d }} {{ l }}", "{'«k»': '«v»'} ['«p»', '«q»']"},
      {"{{ '%s-%5s' | format(a, a) }} {{ '{}:{:>4}'.format(a, 'x') }}", "«Foe»-  «Foe» «Foe»:   x"},
      {"{{ a | indent(2, true) }} {{ a * 2 }} {{ a.center(5) }}", "  «Foe» «FoeFoe»  «Foe» "},
      {"{{ ('<i>' ~ a ~ '&') | e }}", "&lt;i&gt;«Foe»&amp;"},
      {"{% macro m(x) %}[{{ x }}]{% endmacro %}{{ m(a) }}{% set s %}{{ a }}!{% endset %}{{ s }}",
       "[«Foe»]«Foe»!"},
      {"{% filter upper %}o{{ a }}{% endfilter %}", "O«FOE»"},
      {"{% for c in a %}{{ c }}.{% endfor %}{% for k, v in d.items() %}{{ k }}{{ v }}{% endfor %}",
       "«F».«o».«e».«kv»"},
      {"{{ a.partition('o')[1] }}{{ (a ~ '\\nz').splitlines() | last }}{{ a.removeprefix('F') }}",
       "«o»z«oe»"},
      {"{{ l | first }}{{ l | sort | last }}{{ d | dictsort }}", "«pq»[('«k»', '«v»')]"},
      {"{{ '[\"x\"]' | from_json | first }}{{ ('[\"' ~ a ~ '\"]') | from_json | first }}", "x«Foe»"},
      // Numbers, and what the template compares with, are nobody's.
      {"{{ n }}{{ n + 1 }}{{ a == 'Foe' }}{{ 'user' if a else '' }}", "56Trueuser"},
  };
  for (const auto& [source, text] : cases) EXPECT_EQ(render_marks(source, kVariables), text) << source;
}

// A string of the test: pieces that alternate between own and foreign.
MarkedText arbitrary_text() {
  MarkedText text;
  for (const auto& [piece, foreign] : *rc::gen::container<std::vector<std::pair<std::string, bool>>>(
           rc::gen::pair(rc::gen::container<std::string>(rc::gen::elementOf(std::string("aB ,\n"))),
                         rc::gen::arbitrary<bool>())))
    text.append(piece, foreign);
  return text;
}

// A text with a letter per byte that tells its mark: joined to the text it shows whether both moved alike.
std::string mark_letters(const MarkedText& text) {
  std::string letters(text.text.size(), 'o');
  for (const TextRange& range : text.foreign)
    for (size_t i = range.begin; i < range.end; ++i) letters[i] = 'f';
  return letters;
}

RC_GTEST_PROP(JinjaMarks, SlicesKeepTheMarkOfEveryByte, ()) {
  const MarkedText text = arbitrary_text();
  const auto begin = *rc::gen::inRange<size_t>(0, text.text.size() + 1);
  const auto end = *rc::gen::inRange<size_t>(begin, text.text.size() + 1);
  MemoryMeter memory("the test", 1 << 20);
  TextBuilder made(&memory);
  made.append(text, begin, end);
  const MarkedText slice = made.text();
  RC_ASSERT(slice.text == text.text.substr(begin, end - begin));
  RC_ASSERT(mark_letters(slice) == mark_letters(text).substr(begin, end - begin));
  for (size_t i = 0; i < text.text.size(); ++i)
    RC_ASSERT(is_foreign(text, i) == (mark_letters(text)[i] == 'f'));
}

RC_GTEST_PROP(JinjaMarks, SplittingAndJoiningIsTheSameText, ()) {
  const MarkedText text = arbitrary_text();
  const auto parsed = JinjaTemplate::parse(
      "{{ t.split(',') | join(',') }}{{ t | upper | lower }}{{ t[3:] }}{{ t | replace('a', 'a') }}{{ "
      "t[::-1][::-1] }}");
  const auto made = parsed->render({{"t", Value::string(text)}});
  // Separators and replacements come from the template: they lose the mark, all other bytes keep theirs.
  std::string expected;
  const std::string letters = mark_letters(text);
  const auto add = [&](char lost, size_t from) {
    for (size_t i = from; i < letters.size(); ++i) expected += text.text[i] == lost ? 'o' : letters[i];
  };
  add(',', 0);
  add('\0', 0);
  add('\0', 3);
  add('a', 0);
  add('\0', 0);
  RC_ASSERT(mark_letters(*made) == expected);
}

}  // namespace
}  // namespace gannet::jinja
