#include "cli/prompt_source.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string_view>

namespace gannet {
namespace {

TEST(PromptSource, NamesOfModelsAreToldFromWords) {
  for (const char* name : {"qwen3:8b", "llama3.2", "Qwen/Qwen3-8B-GGUF", "unsloth/Qwen3.5-4B-GGUF:Q4_K_M",
                           "gemma3:12b", "deepseek-r1", "gpt-oss:20b", "Qwen3.6-35B-A3B"})
    EXPECT_TRUE(looks_like_model_name(name, false)) << name;
  for (const char* word : {"hello", "harbor", "qwen", "llama", "and/or", "why?", "2+2", "10:30",
                           "https://a.b/c1", "hi!", "phi", "read/write", "C++20", "mistral"})
    EXPECT_FALSE(looks_like_model_name(word, false)) << word;
}

// Programs that start others often hand them sockets.
TEST(PromptSource, ASocketCountsWhenSomethingIsInIt) {
  for (const std::string_view text : {"", "there"}) {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ASSERT_EQ(write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
    close(ends[1]);
    const int stdin_before = dup(STDIN_FILENO);
    ASSERT_EQ(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    PromptSource source;
    source.words = {"hello"};
    const auto prompt = read_prompt(source, true);
    dup2(stdin_before, STDIN_FILENO);
    close(stdin_before);
    close(ends[0]);
    EXPECT_EQ(prompt.ok(), text.empty()) << text;
  }
}

TEST(PromptSource, MoreIsANameWhereNothingElseIsSaid) {
  for (const char* word : {"mistral", "Qwen", "https://huggingface.co/Qwen/Qwen3-0.6B-GGUF"})
    EXPECT_TRUE(looks_like_model_name(word, true)) << word;
  for (const char* word : {"hello", "phrase", "llamas"})
    EXPECT_FALSE(looks_like_model_name(word, true)) << word;
}

TEST(PromptSource, EscapesAreThoseOfC) {
  EXPECT_EQ(unescaped(R"(a\nb\tc\\n\"\'\r)"), "a\nb\tc\\n\"'\r");
  EXPECT_EQ(unescaped(R"(\x41\xe9\x4)"), "A\xe9\\x4");
  EXPECT_EQ(unescaped(R"(\q \)"), R"(\q \)");
  EXPECT_EQ(unescaped(""), "");
}

}  // namespace
}  // namespace gannet
