// What tests with --spec read and say, as tokens of a model.
#pragma once

#include <string>
#include <vector>

#include "cli/bench_prompts.h"
#include "cli/bench_test.h"
#include "engine/model.h"
#include "text/tokenizer.h"

namespace gannet {

struct BenchText {
  Tokenizer tokenizer;
  std::vector<TokenId> tokens;  // of --spec-text
  std::vector<BenchPrompt> prompts;
  std::vector<std::vector<TokenId>> prompt_tokens;

  // Reads the files that the test names. Errors: those of the files, kUsage for prompts that are none.
  static Result<BenchText> load(const Model& model, const BenchTest& test);

  int64_t longest_prompt() const;  // tokens; 0 without prompts
  // The first prompt of each kind, and at least `n` if there are so many.
  std::vector<std::vector<TokenId>> some_prompts(int64_t n) const;
};

}  // namespace gannet
