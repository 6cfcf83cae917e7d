#include "cli/answer_flags.h"

#include "text/stop_strings.h"

namespace gannet {
namespace {

constexpr const char* kEnds = "Ends of answers";

}  // namespace

void add_answer_options(Options& options, AnswerFlags& f) {
  options.push_back({.names = "--stop",
                     .value = "TEXT",
                     .help = "End the answer where this would come, without showing it; may be repeated",
                     .target = &f.stop,
                     .group = kEnds});
  options.push_back({.names = "--repetition-stop",
                     .value = "N",
                     .help = "End an answer that repeats the same up to N tokens over and over; 0: off",
                     .target = &f.repetition,
                     .at_least = 0,
                     .at_most = kMostRepetitionTokens,
                     .group = kEnds});
  options.push_back({.names = "--repetition-times",
                     .value = "N",
                     .help = "How often they have to stand there for that",
                     .target = &f.repetition_times,
                     .at_least = 2,
                     .at_most = 1000,
                     .group = kEnds});
  options.push_back({.names = "--reasoning-budget",
                     .value = "N",
                     .help = "Tokens of a thought before it is closed; 0: none, -1: any number",
                     .target = &f.reasoning_budget,
                     .at_least = -1,
                     .environment = "THINK_BUDGET",
                     .group = kEnds});
  options.push_back({.names = "--reasoning-budget-message",
                     .value = "TEXT",
                     .help = "What the thought says last then, before the closing tag",
                     .target = &f.reasoning_message,
                     .environment = "THINK_BUDGET_MESSAGE",
                     .accepts_empty = true,
                     .group = kEnds});
}

Result<AnswerOptions> answer_options(const AnswerFlags& f, const Tokenizer& tokenizer, ThoughtTexts texts) {
  AnswerOptions options;
  if (auto checked = StopStrings::create(f.stop); !checked.ok())
    return checked.take_error().with_context("--stop");
  options.stop = f.stop;
  options.repetition = {.longest = f.repetition, .times = f.repetition_times};
  texts.budget = f.reasoning_budget;
  texts.message = f.reasoning_message;
  auto rules = thought_rules(tokenizer, texts);
  if (!rules.ok()) return rules.take_error().with_context("--reasoning-budget-message");
  options.thought = rules.take();
  return options;
}

}  // namespace gannet
