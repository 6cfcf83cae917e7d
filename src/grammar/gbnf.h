// GBNF, the notation of llama.cpp for grammars:
//   root  ::= "[" (item ("," item)*)? "]"   # the rule `root` is the whole text
//   item  ::= [0-9]+ | "\"" [^"\\\n]{1,20} "\""
// Literals and classes know the escapes \n \r \t \\ \" \[ \] \- \^ \xXX \uXXXX \UXXXXXXXX (code points), `.`
// is any code point, suffixes are ? * + {n} {n,} {,m} {n,m}. <text> is the control token with that text. Left
// recursion of a rule on itself (list ::= list "," item | item) is turned into repetition.
#pragma once

#include <string_view>

#include "base/result.h"
#include "grammar/grammar.h"

namespace gannet {

// Refuses (kUsage), naming line and column: what is not GBNF, undefined and doubly defined rules, no rule
// `root`, tokens by number (<[123]>) or negated (!<text>), more than kMaxGbnfBytes or kMaxGbnfDepth.
Result<Grammar> parse_gbnf(std::string_view text);

inline constexpr size_t kMaxGbnfBytes = size_t{1} << 20;
inline constexpr int kMaxGbnfDepth = 100;  // of parentheses

}  // namespace gannet
