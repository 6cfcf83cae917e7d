// Answers of a scripted server: rules in JSON that say which text answers which request.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/generation.h"
#include "base/result.h"

namespace gannet {

// A rule holds when all that it says about the conversation is so, and the first that holds answers:
//   {"user": TEXT, "system": TEXT, "tool": NAME, "result": TEXT, "round": N, "thought": TEXT, "text": TEXT}
// user:   part of the last user message (of the prompt, for raw prompts)
// system: part of a system message
// tool:   a tool of this name is declared
// result: part of the last message, which is a tool's result
// round:  so many answers stand behind the last user message
// thought, text: the answer; "text" must be there. Calls are written in the format of the chat template.
class AnswerRules {
 public:
  // Errors (kUsage): what is not a list of rules, with the number of the wrong one.
  static Result<AnswerRules> read(const nlohmann::ordered_json& rules);

  // None: no rule holds.
  std::optional<std::string> answer(const GenerationRequest& request, bool in_thought) const;

 private:
  struct Rule {
    std::optional<std::string> user, system, tool, result, thought;
    std::optional<int64_t> round;
    std::string text;
  };
  static bool holds(const Rule& rule, const GenerationRequest& request);

  std::vector<Rule> rules_;
};

}  // namespace gannet
