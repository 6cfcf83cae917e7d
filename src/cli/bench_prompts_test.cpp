#include "cli/bench_prompts.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/input_text.h"

namespace gannet {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> parsed(std::string_view text) {
  std::vector<std::string> all;
  for (const BenchPrompt& p : parse_bench_prompts(text, "a.txt").take())
    all.push_back(p.kind + "|" + p.name + "|" + p.text);
  return all;
}

std::string refusal(std::string_view text) {
  const auto prompts = parse_bench_prompts(text, "a.txt");
  if (prompts.ok()) return "accepted";
  EXPECT_EQ(prompts.error().code(), ErrorCode::kUsage);
  return prompts.error().message();
}

TEST(BenchPrompts, BeginAfterTheirLinesAndEndBeforeTheNext) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(parsed("# about\n=== code one\nint a;\n\n=== prose two\n\nOnce\n=== prose three\nat the end"),
            (Texts{"code|one|int a;\n", "prose|two|\nOnce", "prose|three|at the end"}));
  EXPECT_EQ(parsed("=== a b\r\none\r\ntwo\r\n"), (Texts{"a|b|one\r\ntwo"}));
  // Not at the beginning of a line.
  EXPECT_EQ(parsed("=== a b\nx === c d\n ===\n"), (Texts{"a|b|x === c d\n ==="}));
}

TEST(BenchPrompts, AnyTextIsOne) {
  EXPECT_EQ(parsed("one\n\ntwo\n"), std::vector<std::string>{"text|a.txt|one\n\ntwo"});
}

TEST(BenchPrompts, Refusals) {
  EXPECT_THAT(refusal("=== code one\nx\n=== code\ny\n"),
              HasSubstr("a.txt: line 3 should be \"=== KIND NAME\""));
  EXPECT_THAT(refusal("=== code one two\nx\n"), HasSubstr("line 1"));
  EXPECT_THAT(refusal("=== code one\n=== code two\nx\n"), HasSubstr("the prompt \"code one\" is empty"));
  EXPECT_THAT(refusal("=== code last"), HasSubstr("\"code last\" is empty"));
  EXPECT_THAT(refusal(""), HasSubstr("is empty"));
}

TEST(BenchPrompts, ThoseOfTheRepository) {
  const std::string path = "tests/data/speculation/prompts.txt";
  std::map<std::string, int> kinds;
  const auto prompts = parse_bench_prompts(read_text(path).take(), path).take();
  for (const BenchPrompt& prompt : prompts) ++kinds[prompt.kind];
  EXPECT_EQ(kinds, (std::map<std::string, int>{{"dictionary", 8}, {"json", 8}, {"code", 8}, {"prose", 8}}));
  EXPECT_EQ(prompts[0].text, "<|im_start|>user\ndefine harbor<|im_end|>\n<|im_start|>assistant\n");
}

}  // namespace
}  // namespace gannet
