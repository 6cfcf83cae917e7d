// Statements and the white space around them.
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
TEST(JinjaStatements, AreThoseOfJinja2) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"{% for g in people | groupby('a') %}{{ g.grouper }}:{% for p in g.list %}{{ p.n }} {% endfor %}{% "
       "endfor %}",
       "1:al 3:Bo Cy "},
      {"{% for a, items in people | groupby('a') %}{{ a }}:{{ items | length }} {% endfor %}", "1:1 3:2 "},
      {"{% for i in l %}{{ loop.index }}/{{ loop.length }}{{ loop.first }}{{ loop.last }}{{ loop.revindex "
       "}}{{ loop.revindex0 }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('a', 'b') }};{% endfor %}",
       "1/3TrueFalse321a;2/3FalseFalse2132b;3/3FalseTrue101a;"},
      {"{% for i in [] %}x{% else %}empty{% endfor %} {% for k, v in d.items() %}{{ k }}={{ v }} {% endfor "
       "%}{% for k in d %}{{ k }}{% endfor %} {% for c in 'ä你' %}{{ c }}.{% endfor %} {% for i in l if i > "
       "1 %}{{ i }}{{ loop.index }}{% endfor %} {% for (a, b) in [(1, 2)] %}{{ a }}{{ b }}{% endfor %} {% "
       "for a, (b, c) in [[1, [2, 3]]] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
       "empty b=1 a=x ba ä.你. 3122 12 123"},
      {"{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif "
       "%}{{ i }}{% endfor %} {{ range(3) | list }} {{ range(5, 0, -2) | list }} {{ range(0) | list }}",
       "02 [0, 1, 2] [5, 3, 1] []"},
      {"{% set a = 1 %}{% for i in [1, 2] %}{{ a }}{% set a = 5 %}{{ a }}{% endfor %}{{ a }}{% if true %}{% "
       "set a = 9 %}{% endif %}{{ a }}",
       "151519"},
      {"{% set ns = namespace(a=1) %}{% for i in [1, 2] %}{% set ns.a = ns.a + i %}{% set ns.b = i %}{% "
       "endfor %}{{ ns.a }}{{ ns.b }} {% set a, b = 1, 'x' %}{{ a }}{{ b }} {% set t = 1, 2 %}{{ t }} {% set "
       "b %}B{{ 1 }}{% endset %}{{ b }} {% set c | upper %}abc{% endset %}{{ c }}",
       "42 1x (1, 2) B1 ABC"},
      {"{% macro m(a, b=2, c=b) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, c=5) }} {{ m(b=1, "
       "a=0) }} {{ m() }} {% macro v() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ v(1, x=2) }} {% macro w() "
       "%}<{{ caller() }}>{% endmacro %}{% call w() %}in{% endcall %} {% macro p() %}{{ caller(3) }}{% "
       "endmacro %}{% call(q) p() %}{{ q }}!{% endcall %} {{ m.name }}",
       "122 125 011 22 (1,){'x': 2} <in> 3! m"},
      {"{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }} {% set x = 1 "
       "%}{% macro g() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ g() }}",
       "3210 2"},
      {"{% filter upper | replace('A', 'b') %}abc{% endfilter %} {% with a = 1, b = 2 %}{{ a }}{{ b }}{% "
       "endwith %}{{ a }} {% raw %}{{ x }}{% endraw %} {# no #}{% generation %}g{% endgeneration %}",
       "bBC 12 {{ x }} g"},
      {"{{ namespace(a=1).a }} {{ dict(a=1, b=2) }} {{ dict([('x', 1)], y=2) }} {% set j = joiner('|') %}{{ "
       "j() }}a{{ j() }}b",
       "1 {'a': 1, 'b': 2} {'x': 1, 'y': 2} a|b"},
      {"{% set q = [] %}{% set _ = q.append(1) %}{% set _ = q.append('b') %}{{ q }}{{ q.pop(0) }}{{ q }} {{ "
       "l.index(1) }} {{ l.count(3) }} {{ d.values() | list }} {{ d.copy() }}",
       "[1, 'b']1['b'] 1 1 [1, 'x'] {'b': 1, 'a': 'x'}"},
  };
  for (const auto& [source, text] : cases) EXPECT_EQ(render(source, kVariables), text) << source;
}

TEST(JinjaWhitespace, FollowsTrimAndLstripBlocks) {
  // Expected texts from Jinja2 with trim_blocks and lstrip_blocks.
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"a\n  {% if true %}\n  b\n  {% endif %}\nc\n", "a\n  b\nc"},
      {"a\n  {%+ if true %}\n  b {%- endif +%}\nc", "a\n    b\nc"},
      {"  {{ n }}  \n  {{- n -}}  \nx", "  77x"},
      {"a {# c #}\n b\n   {#- d -#}  \n e", "a  be"},
      {"x {% if true %} y {% endif %}\n z\n\n", "x  y  z\n"},
      {"{% raw %}\n {{ a }} {%- endraw %}\n b", "\n {{ a }} b"},
      {"  {% raw -%}  {% x %}  {%- endraw -%}  c", "{% x %}c"},
      {"\r\na\r\n{% if true %}\r\nb{% endif %}\r\n", "\na\nb"},
      {"{{ '}}' }}{{ {'a': {'b': 1}}.a.b }}{{ '%}' }}", "}}1%}"},
      {"{%- for i in l -%}\n {{ i }} \n{%- endfor -%}\n", "312"},
      {"a\n\t {%- if true -%} \n b{% endif %}", "ab"},
      {"{#\n{{ n }}\n#}z", "z"},
      {"{% set x = 1 %}\n\n{{ x }}\n\n", "\n1\n"},
      {"\343\200\200{%- if true %}a{% endif -%}\302\240b", "ab"},
  };
  for (const auto& [source, text] : cases) EXPECT_EQ(render(source, kVariables), text) << source;
}

}  // namespace
}  // namespace gannet::jinja
