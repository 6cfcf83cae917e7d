// Expressions, filters, tests and methods.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "jinja/render_for_test.h"

namespace gannet::jinja {
namespace {

constexpr const char* kVariables =
    R"({"s": "Ab c, d", "w": "  x y ", "n": 7, "m": -7, "f": 2.5, "l": [3, 1, 2],
  "d": {"b": 1, "a": "x"}, "u": "äß你", "t": true, "z": null, "k": {"items": 5, "get": 6},
  "people": [{"n": "Bo", "a": 3}, {"n": "al", "a": 1}, {"n": "Cy", "a": 3}]})";

// What Jinja2 3.1 gives for the same templates.
TEST(JinjaExpressions, AreThoseOfJinja2) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"{{ 1 + 2 * 3 ** 2 }} {{ (1 + 2) * 3 }} {{ -2 ** 2 }} {{ 2 ** -1 }} {{ 2 ** 3 ** 2 }}",
       "19 9 4 0.5 64"},
      {"{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7 / 2 }} {{ 6 / 2 }}",
       "3 -4 1 2 -2 3.5 3.0"},
      {"{{ 7.5 // 2 }} {{ -7.5 % 2 }}", "3.0 0.5"},
      {"{{ 1e16 }} {{ 123456789012345680.0 }} {{ 0.1 + 0.2 }} {{ 1e-5 }} {{ 0.0001 }} {{ 100.0 }}",
       "1e+16 1.2345678901234568e+17 0.30000000000000004 1e-05 0.0001 100.0"},
      {"{{ 1_000 }} {{ 0x1f }}", "1000 31"},
      {"{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ '1' == 1 }}",
       "True False True True False"},
      {"{{ [1, 2] == [1, 2] }} {{ (1, 2) == [1, 2] }}", "True False"},
      {"{{ 'a' ~ 1 ~ none ~ true ~ 1.0 ~ [1, 'x'] ~ {'k': none} }}", "a1NoneTrue1.0[1, 'x']{'k': None}"},
      {"{{ 'a' 'b' }} {{ 'x' * 3 }} {{ [1] * 2 + [3] }} {{ 'a' + 'b' }}", "ab xxx [1, 1, 3] ab"},
      {"{{ not true and false }} {{ not (true and false) }} {{ none or 'x' }} {{ 0 and 1 }}",
       "False True x 0"},
      {"{{ '' or 0 or [] }}", "[]"},
      {"{{ 'yes' if n > 3 else 'no' }} {{ 'yes' if n > 30 }}| {{ 1 if false else 2 if true else 3 }}",
       "yes | 2"},
      {"{{ 3 in l }} {{ 9 not in l }} {{ 'b' in s }} {{ 'b' in d }} {{ 'q' in d }}",
       "True True True True False"},
      {"{{ 'a' in undefined_thing }}", "False"},
      {"{{ l[0] }} {{ l[-1] }} {{ l[9] }} {{ l[::-1] }} {{ l[1:] }} {{ l[:-1] }} {{ l[::2] }}",
       "3 2  [2, 1, 3] [1, 2] [3, 1] [3, 2]"},
      {"{{ s[1:4] }} {{ s[::-1] }} {{ u[1] }} {{ u[-1] }} {{ u[:2] }} {{ u | length }}",
       "b c d ,c bA ß 你 äß 3"},
      {"{{ d.b }} {{ d['a'] }} {{ d.q }}| {{ d.items() | list }} {{ d | items | list }} {{ d.keys() | list "
       "}} {{ d.get('q') }} {{ d.get('q', 5) }} {{ k['items'] }} {{ k.items is callable }}",
       "1 x | [('b', 1), ('a', 'x')] [('b', 1), ('a', 'x')] ['b', 'a'] None 5 5 True"},
      {"{{ people | map(attribute='n') | join(', ') }}", "Bo, al, Cy"},
      {"{{ people | map(attribute='q', default='-') | list }}", "['-', '-', '-']"},
      {"{{ ['a', 'b'] | map('upper') | list }} {{ ['a-b'] | map('replace', '-', '+') | list }}",
       "['A', 'B'] ['a+b']"},
      {"{{ people | selectattr('a', 'equalto', 3) | map(attribute='n') | list }}", "['Bo', 'Cy']"},
      {"{{ people | rejectattr('a', '>', 2) | list | length }}", "1"},
      {"{{ [0, 1, none, 'x'] | select | list }} {{ l | reject('odd') | list }}", "[1, 'x'] [2]"},
      {"{{ people | selectattr('q', 'defined') | list }}", "[]"},
      {"{{ l | sort }} {{ l | sort(reverse=true) }}", "[1, 2, 3] [3, 2, 1]"},
      {"{{ people | sort(attribute='n') | map(attribute='n') | list }}", "['al', 'Bo', 'Cy']"},
      {"{{ people | sort(attribute='a,n') | map(attribute='n') | list }}", "['al', 'Bo', 'Cy']"},
      {"{{ ['b', 'A', 'a'] | sort }} {{ ['b', 'A', 'a'] | sort(case_sensitive=true) }}",
       "['A', 'a', 'b'] ['A', 'a', 'b']"},
      {"{{ ['b', 'A', 'a', 'B'] | unique | list }} {{ l | min }} {{ l | max }} {{ people | "
       "max(attribute='a') }} {{ l | sum }} {{ people | sum(attribute='a') }} {{ [] | max }}|",
       "['b', 'A'] 1 3 {'n': 'Bo', 'a': 3} 6 7 |"},
      {"{{ d | dictsort }} {{ d | dictsort(reverse=true) }}",
       "[('a', 'x'), ('b', 1)] [('b', 1), ('a', 'x')]"},
      {"{{ {'x': 2, 'y': 1} | dictsort(by='value') }}", "[('y', 1), ('x', 2)]"},
      {"{{ [1, 2, 3, 4, 5] | batch(2) | list }} {{ [1, 2, 3] | batch(2, 0) | list }}",
       "[[1, 2], [3, 4], [5]] [[1, 2], [3, 0]]"},
      {"{{ l | first }} {{ l | last }} {{ s | first }} {{ s | last }} {{ [] | first }}| {{ l | reverse | "
       "list }} {{ s | reverse }}",
       "3 2 A d | [2, 1, 3] d ,c bA"},
      {"{{ x | default('d') }} {{ '' | default('d') }} {{ '' | default('d', true) }}", "d  d"},
      {"{{ z | d('e') }} {{ z | d('e', true) }}", "None e"},
      {"{{ w | trim }}| {{ w.strip() }}| {{ w.lstrip() }}| {{ w.rstrip() }}| {{ 'xxaxx'.strip('x') }} {{ "
       "'abcab'.lstrip('ba') }} {{ '--a--' | trim('-') }}",
       "x y| x y| x y |   x y| a cab a"},
      {"{{ s | upper }} {{ s | lower }} {{ s | title }} {{ s | capitalize }} {{ u | upper }}",
       "AB C, D ab c, d Ab C, D Ab c, d ÄSS你"},
      {"{{ \"it's a-b (c\" | title }} {{ \"it's a-b\".title() }} {{ 'aBc'.swapcase() }}",
       "It's A-B (C It'S A-B AbC"},
      {"{{ 'hELLO wORLD'.capitalize() }}", "Hello world"},
      {"{{ s.split() }} {{ s.split(',') }} {{ 'a,b,c'.split(',', 1) }} {{ 'a,b,c'.rsplit(',', 1) }}",
       "['Ab', 'c,', 'd'] ['Ab c', ' d'] ['a', 'b,c'] ['a,b', 'c']"},
      {"{{ ' a  b '.split(' ') }} {{ ' a  b c'.split(none, 1) }} {{ ' a  b c '.rsplit(none, 1) }}",
       "['', 'a', '', 'b', ''] ['a', 'b c'] [' a  b', 'c']"},
      {"{{ ''.split() }} {{ ''.split(',') }}", "[] ['']"},
      {"{{ s.startswith('Ab') }} {{ s.endswith(('x', 'd')) }} {{ s.find('c') }} {{ u.find('你') }}",
       "True True 3 2"},
      {"{{ s.rfind('zz') }} {{ s.count(' ') }} {{ 'aaa'.count('aa') }} {{ s.replace('b', 'B', 1) }}",
       "-1 2 1 AB c, d"},
      {"{{ 'aaa' | replace('a', 'b', 2) }} {{ 'ab'.replace('', '-') }}", "bba -a-b-"},
      {"{{ 'a-b-c'.partition('-') }} {{ 'a-b-c'.rpartition('-') }} {{ 'abc'.partition('-') }} {{ "
       "'abc'.removeprefix('ab') }} {{ 'abc'.removesuffix('x') }} {{ '7'.zfill(3) }} {{ '-7'.zfill(4) }} {{ "
       "'ab'.center(5, '*') }} {{ 'ab'.ljust(4) }}| {{ 'ab'.rjust(4) }}",
       "('a', '-', 'b-c') ('a-b', '-', 'c') ('abc', '', '') c abc 007 -007 **ab* ab  |   ab"},
      {"{{ '12'.isdigit() }} {{ ''.isdigit() }} {{ 'ab'.isalpha() }} {{ 'a1'.isalnum() }}",
       "True False True True"},
      {"{{ ' '.isspace() }} {{ 'AB1'.isupper() }} {{ 'ab'.islower() }} {{ '1'.isupper() }}",
       "True True True False"},
      {"{{ ','.join(['a', 'b']) }} {{ l | join('-') }} {{ [1, none, 'x'] | join }}", "a,b 3-1-2 1Nonex"},
      {"{{ s | join('.') }}", "A.b. .c.,. .d"},
      {"{{ '%s=%d %5.2f|%-4s|%04d|%x|%%|%+d|%r' | format('a', 3.9, 2.5, 'b', 42, 255, 5, \"q'q\") }}",
       "a=3  2.50|b   |0042|ff|%|+5|\"q'q\""},
      {"{{ '%(a)s' % {'a': 1} }} {{ 'x%sy' % 5 }} {{ '%5s|%.2s' % ('a', 'bcd') }}", "1 x5y     a|bc"},
      {"{{ '%e %g %g' % (12345.678, 0.00001, 100000) }}", "1.234568e+04 1e-05 100000"},
      {"{{ '{} {1}' .format(1) if false }}{{ '{}-{}'.format(1, 'b') }}", "1-b"},
      {"{{ '{1}{0}'.format('a', 'b') }}", "ba"},
      {"{{ '{x} {y.n} {z[0]}'.format(x=1, y={'n': 2}, z=[3]) if false }}{{ "
       "'{:>5}|{:<5}|{:^5}|{:05d}|{:.2f}|{:,}|{:x}|{:%}|{{}}'.format('a', 'b', 'c', 42, 2.345, 1234567, 255, "
       "0.5) }}",
       "    a|b    |  c  |00042|2.35|1,234,567|ff|50.000000%|{}"},
      {"{{ '{0!r} {n:*^7}'.format('q', n='mid') }}", "'q' **mid**"},
      {"{{ '3' | int }} {{ '3.9' | int }} {{ 'x' | int }} {{ 'x' | int(9) }}", "3 3 0 9"},
      {"{{ '0x1A' | int(0, 16) }} {{ 3.99 | int }} {{ '1.5' | float }} {{ 'x' | float }}", "26 3 1.5 0.0"},
      {"{{ none | int }} {{ true | int }} {{ ' 12 ' | int }}", "0 1 12"},
      {"{{ -3 | abs }} {{ m | abs }} {{ 2.5 | round }} {{ 3.14159 | round(2) }}", "3 7 2.0 3.14"},
      {"{{ 2.1 | round(0, 'ceil') }} {{ 2.19 | round(1, 'floor') }} {{ 2.675 | round(2) }}", "3.0 2.1 2.67"},
      {"{{ 7 | round }} {{ 1234 | round(-2) }}", "7 1200"},
      {"{{ '<a href=\"x\">\\'&' | escape }} {{ '<b>' | e }} {{ '<b>' | safe }} {{ 'a b c' | wordcount }} {{ "
       "'ab' | center(6) }}|",
       "&lt;a href=&#34;x&#34;&gt;&#39;&amp; &lt;b&gt; <b> 3   ab  |"},
      {"{{ {'b': [1, 2.0, none, true], 'a': {'x': 'ü\"\\\\\\n'}} | tojson }} {{ {'b': 1, 'a': [2, {}], 'e': "
       "[]} | tojson(indent=2) }} {{ {'b': 1, 'a': 2} | tojson(sort_keys=true) }} {{ 'ü你😀' | "
       "tojson(ensure_ascii=true) }} {{ [1, {'a': 2}] | tojson(separators=(',', ':')) }} {{ '<&>' | tojson "
       "}}",
       "{\"b\": [1, 2.0, null, true], \"a\": {\"x\": \"ü\\\"\\\\\\n\"}} {\n  \"b\": 1,\n  \"a\": [\n    2,\n "
       "   {}\n  ],\n  \"e\": []\n} {\"a\": 2, \"b\": 1} \"\\u00fc\\u4f60\\ud83d\\ude00\" [1,{\"a\":2}] "
       "\"<&>\""},
      {"{{ \"a\\nb\\n\\nc\" | indent }} {{ \"a\\nb\" | indent(2, true) }} {{ \"a\\n\\nb\" | indent(2, "
       "blank=true) }} {{ \"a\\nb\" | indent('> ') }} {{ \"a\\n\" | indent }}|",
       "a\n    b\n\n    c   a\n  b a\n  \n  b a\n> b a\n|"},
      {"{{ x is defined }} {{ s is defined }} {{ z is none }} {{ t is true }} {{ n is number }}",
       "False True True True True"},
      {"{{ t is number }} {{ t is integer }} {{ n is integer }} {{ f is float }} {{ s is string }}",
       "True False True True True"},
      {"{{ l is sequence }} {{ s is sequence }} {{ d is mapping }} {{ d is iterable }}",
       "True True True True"},
      {"{{ n is iterable }} {{ t is boolean }} {{ x is iterable }}", "False True True"},
      {"{{ n is odd }} {{ n is even }} {{ n is divisibleby 7 }} {{ n is divisibleby(2) }}",
       "True False True False"},
      {"{{ n is gt 3 }} {{ n is in l }} {{ 'AB' is upper }} {{ 'ab' is lower }} {{ n is not none }}",
       "True False True True True"},
      {"{{ n is sameas 7 }} {{ 'upper' is filter }} {{ 'odd' is test }} {{ range is callable }}",
       "True True True True"},
      {"{{ n is eq 7 and t }}", "True"},
      {"{{ [1, 2,] }} {{ (1,) }} {{ () }} {{ {'a': 1,} }} {{ {1: 'x', 1.5: 'y'}[1] }}",
       "[1, 2] (1,) () {'a': 1} x"},
      {"{{ [[1], [2]][1][0] }} {{ \"a\\tb\\x41\\u00e4\\\\d\\d\" }} {{ {'a': {'b': [1]}}.a.b.0 }}",
       "2 a\tbAä\\d\\d 1"},
      {"{{ 'it\\'s' }} {{ [\"it's\", 'a\"b', '\\n\\t\\\\'] }}", "it's [\"it's\", 'a\"b', '\\n\\t\\\\']"},
      {"{{ 5 is divisibleby 5 if true }} {{ 'a' if x is defined else 'b' }} {{ l | length > 2 }}",
       "True b True"},
      {"{{ -l | length if false }}{{ (l | length) + 1 }} {{ l|length + 1 }} {{ not x is defined }}",
       "4 4 True"},
      {"{{ [1,2,3]|last is odd }}", "True"},
      {"{{ 'äöü' | capitalize }} {{ 'a1b' | title }} {{ \"x\\x1fy\".split() }} {{ \"a\\u3000b\".split() }} "
       "{{ '\\u00a0x\\u2003' | trim }}| {{ \"a\\r\\nb\\x0bc\\x85d\".splitlines() }} {{ "
       "\"a\\nb\".splitlines(true) }}",
       "Äöü A1b ['x', 'y'] ['a', 'b'] x| ['a', 'b', 'c', 'd'] ['a\\n', 'b']"},
      {"{{ 'a,b' | replace(',', ';') | upper ~ 'x' | lower }} {{ [3, 1] | sort | first }}", "A;Bx 1"},
      {"{{ 'abc' | list }} {{ d | list }} {{ d | length }} {{ d | first }} {{ 1 | string + '2' }}",
       "['a', 'b', 'c'] ['b', 'a'] 2 b 12"},
      {"{{ [1, 2] | string }} {{ true | string | lower }}", "[1, 2] true"},
  };
  for (const auto& [source, text] : cases) EXPECT_EQ(render(source, kVariables), text) << source;
}

}  // namespace
}  // namespace gannet::jinja
