#include "chat/output_check_for_test.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace gannet {
namespace {

// What the deltas alone add up to.
class Assembled {
 public:
  void add(const std::vector<OutputDelta>& deltas) {
    for (const OutputDelta& delta : deltas) add(delta);
  }
  const Message& message() const {
    EXPECT_FALSE(open_);
    return message_;
  }

 private:
  void add(const OutputDelta& delta) {
    using Kind = OutputDelta::Kind;
    if (delta.kind == Kind::kReasoning) message_.reasoning = message_.reasoning.value_or("") + delta.text;
    if (delta.kind == Kind::kContent) message_.content += delta.text;
    EXPECT_EQ(open_, delta.kind == Kind::kArguments || delta.kind == Kind::kCallEnd);
    if (delta.kind == Kind::kCall) {
      EXPECT_EQ(delta.call, message_.calls.size());
      message_.calls.push_back({.id = delta.id, .name = delta.name, .arguments = {}});
      open_ = true;
    } else if (open_) {
      ASSERT_EQ(delta.call + 1, message_.calls.size());
      message_.calls.back().arguments += delta.text;
      message_.calls.back().complete = delta.complete;
      open_ = delta.kind != Kind::kCallEnd;
    }
  }

  Message message_ = [] {
    Message empty;
    empty.role = Role::kAssistant;
    return empty;
  }();
  bool open_ = false;
};

}  // namespace

ParsedOutput parse_output(std::string_view text, const OutputOptions& options, OutputEnd end,
                          const std::vector<size_t>& cuts) {
  OutputParser parser(options);
  Assembled assembled;
  size_t from = 0;
  for (const size_t cut : cuts) {
    assembled.add(parser.feed(text.substr(from, cut - from)));
    from = cut;
  }
  assembled.add(parser.feed(text.substr(from)));
  assembled.add(parser.finish(end));
  EXPECT_EQ(assembled.message(), parser.message()) << text;
  for (const ToolCall& call : parser.message().calls) {
    if (!cuts.empty()) break;  // the same, or the comparison fails
    const auto arguments = nlohmann::json::parse(call.arguments, nullptr, false);
    EXPECT_TRUE(arguments.is_object()) << call.arguments << "\nof " << text;
  }
  return {parser.message(), parser.cut_in_call()};
}

ParsedOutput parse_at_every_split(std::string_view text, const OutputOptions& options, OutputEnd end) {
  ParsedOutput whole = parse_output(text, options, end);
  bool same = true;
  const auto check = [&](const std::vector<size_t>& cuts) {
    if (same) same = parse_output(text, options, end, cuts) == whole;
  };
  std::vector<size_t> every;
  for (size_t at = 1; at < text.size(); ++at) {
    check({at});
    every.push_back(at);
  }
  check(every);
  std::mt19937 random(static_cast<uint32_t>(text.size()));
  for (int n = 0; n < 8; ++n) {
    std::vector<size_t> some;
    std::sample(every.begin(), every.end(), std::back_inserter(some), 1 + random() % 12, random);
    check(some);
  }
  EXPECT_TRUE(same) << "another result at another split: " << text;
  return whole;
}

Tool tool_for_test(const char* name, const char* parameters) {
  const auto schema = nlohmann::ordered_json::parse(parameters);
  return {name, {{"type", "function"}, {"function", {{"name", name}, {"parameters", schema}}}}};
}

}  // namespace gannet
