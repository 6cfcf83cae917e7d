// Chat templates of our own, in the manner of those that models carry: one for each format of calls.
#pragma once

namespace gannet {

// Thoughts that the prompt opens, dropped from old answers unless preserve_thinking; tagged calls; results as
// user messages; a system message at the start only, and no conversation without a user.
inline constexpr char kTaggedTemplate[] = R"jinja(
{%- macro body(m) %}{{ m.content | trim }}{% endmacro %}
{%- set ns = namespace(last=-1) %}
{%- for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}
{%- if ns.last < 0 %}{{ raise_exception('there must be a user') }}{% endif %}
{%- if tools %}
{{- '<|im_start|>system\nFunctions:\n<tools>' }}
{%- for tool in tools %}{{ '\n' ~ (tool | tojson) }}{% endfor %}
{{- '\n</tools>\nCall them as\n<tool_call>\n<function=NAME>\n<parameter=KEY>\nVALUE\n</parameter>\n</function>\n</tool_call>' }}
{%- if messages[0].role == 'system' %}{{ '\n\n' ~ body(messages[0]) }}{% endif %}
{{- '<|im_end|>\n' }}
{%- elif messages[0].role == 'system' %}{{ '<|im_start|>system\n' ~ body(messages[0]) ~ '<|im_end|>\n' }}{% endif %}
{%- for m in messages %}
{%- if m.role == 'system' %}
{%- if not loop.first %}{{ raise_exception('system must come first') }}{% endif %}
{%- elif m.role == 'user' %}{{ '<|im_start|>user\n' ~ body(m) ~ '<|im_end|>\n' }}
{%- elif m.role == 'assistant' %}
{{- '<|im_start|>assistant\n' }}
{%- if loop.index0 > ns.last or preserve_thinking %}
{{- '<think>\n' ~ (m.reasoning_content | default('') | trim) ~ '\n</think>\n\n' }}
{%- endif %}
{{- body(m) }}
{%- for call in m.tool_calls or [] %}
{{- ('\n\n' if loop.first and m.content | trim else '' if loop.first else '\n') ~ '<tool_call>\n<function=' ~ call.function.name ~ '>\n' }}
{%- for key, value in call.function.arguments | items %}
{{- '<parameter=' ~ key ~ '>\n' ~ (value if value is string else value | tojson) ~ '\n</parameter>\n' }}
{%- endfor %}
{{- '</function>\n</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\n' }}
{%- elif m.role == 'tool' %}{{ '<|im_start|>user\n<tool_response>\n' ~ body(m) ~ '\n</tool_response><|im_end|>\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\n' }}
{{- '<think>\n\n</think>\n\n' if enable_thinking is defined and not enable_thinking else '<think>\n' }}
{%- endif %}
)jinja";

// No thoughts; calls in JSON.
inline constexpr char kHermesTemplate[] = R"jinja(
{%- if tools %}
{{- '<|im_start|>system\nFunctions:\n' ~ (tools | tojson) ~ '<|im_end|>\n' }}
{%- endif %}
{%- for m in messages %}
{{- '<|im_start|>' ~ m.role ~ '\n' ~ m.content }}
{%- for call in m.tool_calls or [] %}
{{- ('\n' if m.content or not loop.first else '') ~ '<tool_call>\n{"name": ' ~ (call.function.name | tojson) ~ ', "arguments": ' ~ (call.function.arguments | tojson) ~ '}\n</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}
)jinja";

}  // namespace gannet
