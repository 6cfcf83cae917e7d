// Flags about where an answer ends and how long it may think.
#pragma once

#include <string>
#include <vector>

#include "cli/options.h"
#include "engine/generator.h"
#include "engine/thought_rules.h"

namespace gannet {

struct AnswerFlags {
  std::vector<std::string> stop;
  int repetition = 0, repetition_times = RepetitionRules{}.times;
  int64_t reasoning_budget = -1;
  std::string reasoning_message;
};

void add_answer_options(Options& options, AnswerFlags& flags);

// `texts` says which tags the model's format has and whether the prompt opens a thought; its budget and
// message are those of the flags. Errors: kUsage naming the flag.
Result<AnswerOptions> answer_options(const AnswerFlags& flags, const Tokenizer& tokenizer,
                                     ThoughtTexts texts = {});

}  // namespace gannet
