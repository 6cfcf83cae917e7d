#include "cli/bench_text.h"

#include <algorithm>
#include <set>

#include "cli/input_text.h"
#include "engine/vocabulary_from_gguf.h"

namespace gannet {
namespace {

Result<std::string> read_text_of(const char* flag, const std::string& path) {
  auto text = read_text(path);
  if (!text.ok()) return text.take_error().with_context(flag);
  return text;
}

}  // namespace

Result<BenchText> BenchText::load(const Model& model, const BenchTest& test) {
  BenchText text{GANNET_TRY(tokenizer_from_gguf(model.file())), {}, {}, {}};
  if (!test.text_file.empty()) {
    const std::string bytes = GANNET_TRY(read_text_of("--spec-text", test.text_file));
    text.tokens = GANNET_TRY(text.tokenizer.encode(bytes));
  }
  if (test.prompts_file.empty()) return text;
  const std::string bytes = GANNET_TRY(read_text_of("--spec-prompts", test.prompts_file));
  text.prompts = GANNET_TRY(parse_bench_prompts(bytes, test.prompts_file));
  for (const BenchPrompt& prompt : text.prompts)  // as `gannet run --raw` reads them
    text.prompt_tokens.push_back(
        GANNET_TRY(text.tokenizer.encode(prompt.text, {.add_special = true, .parse_special = true})));
  return text;
}

int64_t BenchText::longest_prompt() const {
  size_t longest = 0;
  for (const std::vector<TokenId>& prompt : prompt_tokens) longest = std::max(longest, prompt.size());
  return static_cast<int64_t>(longest);
}

std::vector<std::vector<TokenId>> BenchText::some_prompts(int64_t n) const {
  std::vector<std::vector<TokenId>> some;
  std::set<std::string> kinds;
  for (size_t i = 0; i < prompts.size(); ++i)
    if (kinds.insert(prompts[i].kind).second || std::ssize(some) < n) some.push_back(prompt_tokens[i]);
  return some;
}

}  // namespace gannet
