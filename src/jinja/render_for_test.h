// Short ways to render a template in tests.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "jinja/template.h"

namespace gannet::jinja {

// `variables` is JSON text; its strings are foreign.
inline Result<MarkedText> render_marked(std::string_view source, std::string_view variables = "{}",
                                        const JinjaOptions& options = {}) {
  const auto parsed = GANNET_TRY(JinjaTemplate::parse(source));
  JinjaVariables values;
  const auto json = nlohmann::ordered_json::parse(variables);
  for (const auto& [name, value] : json.items())
    values.emplace_back(name, GANNET_TRY(Value::from_json(value, true)));
  return parsed.render(values, options);
}

// The text, or "error: " and the message.
inline std::string render(std::string_view source, std::string_view variables = "{}",
                          const JinjaOptions& options = {}) {
  const auto made = render_marked(source, variables, options);
  return made.ok() ? made->text : "error: " + made.error().message();
}

// The text with foreign bytes in «».
inline std::string render_marks(std::string_view source, std::string_view variables) {
  const auto made = render_marked(source, variables);
  if (!made.ok()) return "error: " + made.error().message();
  std::string shown;
  size_t at = 0;
  for (const TextRange& range : made->foreign) {
    shown += made->text.substr(at, range.begin - at) + "«" +
             made->text.substr(range.begin, range.end - range.begin) + "»";
    at = range.end;
  }
  return shown + made->text.substr(at);
}

}  // namespace gannet::jinja
