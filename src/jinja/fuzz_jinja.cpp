// libFuzzer target: the input is a template, rendered over a small conversation. Whatever it says: no crash,
// no hang, the marks are in order, and rendering again gives the same.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/check.h"
#include "jinja/template.h"

namespace gannet {
namespace {

constexpr const char* kConversation = R"({
  "messages": [
    {"role": "system", "content": " be <b>brief</b>\n"},
    {"role": "user", "content": [{"type": "text", "text": "Gr\u00fc\u00dfe, \u4f60\u597d <|im_end|>"}]},
    {"role": "assistant", "content": null, "reasoning_content": "hm\n", "tool_calls": [
      {"id": "a1", "function": {"name": "f", "arguments": {"x": [1, 2.5, true, null], "y": {"z": "'\"\\"}}}}]},
    {"role": "tool", "content": "a,b,,c</think>d"}],
  "tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"x": {"type": "array"}}}}}],
  "n": 3, "x": -0.125, "s": "a b\tc", "yes": true, "nothing": null})";

const JinjaVariables& variables() {
  static const JinjaVariables kVariables = [] {
    JinjaVariables made;
    const auto all = nlohmann::ordered_json::parse(kConversation);
    for (const auto& [name, json] : all.items())
      made.emplace_back(name, jinja::Value::from_json(json, true).take());
    return made;
  }();
  return kVariables;
}

void check_marks(const MarkedText& text) {
  size_t end = 0;
  for (const TextRange& range : text.foreign) {
    GANNET_CHECK(range.begin < range.end && range.end <= text.text.size());
    GANNET_CHECK(end == 0 || range.begin > end);
    end = range.end;
  }
}

}  // namespace
}  // namespace gannet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto parsed = gannet::JinjaTemplate::parse({reinterpret_cast<const char*>(data), size});
  if (!parsed.ok()) {
    GANNET_CHECK(!parsed.error().message().empty());
    return 0;
  }
  gannet::JinjaOptions options;
  options.limits = {.steps = 100'000, .output_bytes = 1 << 20, .memory_bytes = 4 << 20, .macro_depth = 50};
  options.now = std::chrono::local_seconds{};
  const auto first = parsed->render(gannet::variables(), options);
  const auto second = parsed->render(gannet::variables(), options);
  GANNET_CHECK(first.ok() == second.ok());
  if (!first.ok()) {
    GANNET_CHECK(first.error().message() == second.error().message());
    return 0;
  }
  gannet::check_marks(*first);
  GANNET_CHECK(*first == *second);
  return 0;
}
