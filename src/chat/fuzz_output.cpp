// libFuzzer target: an answer made of the input, read whole and in pieces. Whatever it is: no crash, the same
// result, valid UTF-8, and arguments of calls that are JSON objects.
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>

#include "base/check.h"
#include "chat/output_parser.h"
#include "text/utf8.h"

namespace gannet {
namespace {

// Bytes from 0xC0 stand for these, so that the fuzzer need not find them; in a UTF-8 sequence they are bytes.
constexpr const char* kParts[] = {"<tool_call>",
                                  "</tool_call>",
                                  "<function=f>",
                                  "</function>",
                                  "<parameter=s>",
                                  "<parameter=n>",
                                  "<parameter=x>",
                                  "</parameter>",
                                  "\n",
                                  "<think>",
                                  "</think>",
                                  "\n</parameter>\n",
                                  "{\"name\":\"f\",\"arguments\":",
                                  "{\"a\":",
                                  "\"}",
                                  "}}",
                                  "<tool_call>\n{",
                                  "<tool_call>\n<function=f>\n",
                                  "\\ud83d",
                                  "\xE6\xBC\xA2",
                                  "`",
                                  "\"arguments\":",
                                  "\"name\":\"g\"",
                                  "1e999"};

const std::vector<Tool>& tools() {
  static const std::vector<Tool> list{
      {"f", nlohmann::ordered_json::parse(
                R"({"type": "function", "function": {"name": "f", "parameters": {"properties":
            {"s": {"type": "string"}, "n": {"type": ["integer", "null"]}, "x": {}}}}})")}};
  return list;
}

struct Parsed {
  Message message;
  bool cut;
  bool operator==(const Parsed&) const = default;
};

Parsed parse(const std::string& text, const OutputOptions& options, OutputEnd end, size_t piece) {
  OutputParser parser(options);
  for (size_t at = 0; at < text.size(); at += piece) parser.feed(std::string_view(text).substr(at, piece));
  parser.finish(end);
  return {parser.message(), parser.cut_in_call()};
}

}  // namespace
}  // namespace gannet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gannet;
  if (size < 2) return 0;
  const uint8_t flags = data[0];
  OutputOptions options;
  options.tools = tools();
  options.calls = flags & 1 ? CallFormat::kTagged : flags & 2 ? CallFormat::kHermes : CallFormat::kNone;
  options.thoughts = flags & 4;
  options.starts_in_thought = flags & 8;
  options.thoughts_in_content = flags & 16;
  options.parallel_calls = flags & 32;
  options.stream_strings = flags & 64;
  const OutputEnd end = flags & 128 ? OutputEnd::kCut : OutputEnd::kStop;
  std::string text;
  for (size_t i = 2; i < size; ++i) {
    if (const size_t part = data[i] - size_t{0xC0}; part < std::size(kParts)) {
      text += kParts[part];
    } else {
      text += static_cast<char>(data[i]);
    }
  }
  const Parsed whole = parse(text, options, end, text.size() + 1);
  GANNET_CHECK(whole == parse(text, options, end, 1), "split changes the result");
  GANNET_CHECK(whole == parse(text, options, end, 1 + data[1] % 32u), "split changes the result");
  const auto valid = [](const std::string& s) { return utf8_valid_prefix(s) == s.size(); };
  GANNET_CHECK(valid(whole.message.content) && valid(whole.message.reasoning.value_or("")), "UTF-8");
  for (const ToolCall& call : whole.message.calls) {
    GANNET_CHECK(nlohmann::json::parse(call.arguments).is_object(), call.arguments.c_str());
  }
  return 0;
}
