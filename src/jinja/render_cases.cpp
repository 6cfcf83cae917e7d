// Renders templates for scripts/jinja_oracle.py, which compares the results with Jinja2 and its JavaScript
// kin.
//
//   jinja_render < cases > results
//
// A case is one line of JSON: {"template": name of a file, "variables": {...}, "now": seconds since 1970 in
// local time}; so is its result: {"text": ...} or {"error": ..., "raised": bool}. Strings of the variables
// count as foreign, and "foreign" holds the bytes of the text that are, as [[begin, end], ...].
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "jinja/template.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

Result<MarkedText> render(std::map<std::string, JinjaTemplate>* templates, const Json& input) {
  const std::string name = input.at("template");
  auto known = templates->find(name);
  if (known == templates->end()) {
    std::ifstream file(name, std::ios::binary);
    const std::string source{std::istreambuf_iterator<char>(file), {}};
    known = templates->emplace(name, GANNET_TRY(JinjaTemplate::parse(source))).first;
  }
  JinjaVariables variables;
  for (const auto& [key, value] : input.at("variables").items())
    variables.emplace_back(key, GANNET_TRY(jinja::Value::from_json(value, true)));
  JinjaOptions options;
  options.now = std::chrono::local_seconds(std::chrono::seconds(input.value("now", int64_t{0})));
  return known->second.render(variables, options);
}

void run() {
  std::map<std::string, JinjaTemplate> templates;
  for (std::string line; std::getline(std::cin, line);) {
    const auto begin = std::chrono::steady_clock::now();
    const auto rendered = render(&templates, Json::parse(line));
    Json result;
    if (rendered.ok()) {
      result["text"] = rendered->text;
      result["foreign"] = Json::array();
      for (const TextRange& range : rendered->foreign) result["foreign"].push_back({range.begin, range.end});
    } else {
      result["error"] = rendered.error().message();
      result["raised"] = rendered.error().code() == ErrorCode::kUsage;
    }
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    result["ms"] = took.count();
    std::cout << result.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
  }
}

}  // namespace
}  // namespace gannet

int main() {
  gannet::run();
}
