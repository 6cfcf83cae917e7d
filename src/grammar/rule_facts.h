// What is known about the rules of a grammar before automata are made of them.
#pragma once

#include <vector>

#include "base/result.h"
#include "grammar/grammar.h"

namespace gannet {

struct RuleFacts {
  bool recursive = false;  // uses itself, maybe by way of others
  bool nullable = false;   // matches the empty text
  bool copied = false;     // becomes part of the automaton of whoever uses it
  bool linked = false;     // the same, where it is the last thing in there
};

// Refuses (kUsage) a rule that comes back to itself before anything is read, naming it.
Result<std::vector<RuleFacts>> find_rule_facts(const Grammar& grammar);

// The same grammar with repeats of many or large things written as rules that share what they repeat: x{1000}
// as three times a rule for x{256} and the rest.
Grammar with_split_repeats(const Grammar& grammar);

}  // namespace gannet
