// Regular expressions as JSON Schema means them (ECMA-262 with the u flag), as grammars: . classes \d \w \s
// \b-less, \p-less, groups (named and not), alternation, * + ? {n,m} and their lazy forms (which match the
// same texts), escapes \n \cX \xXX \uXXXX \u{X}. An expression without ^ or $ may have any text before or
// behind it. Refused by name: \b, look-around, back references, \p, flags in groups, anchors between other
// things.
#pragma once

#include <functional>
#include <string_view>

#include "base/result.h"
#include "grammar/grammar.h"

namespace gannet {

inline constexpr size_t kMaxRegexBytes = size_t{1} << 16;
inline constexpr int kMaxRegexDepth = 100;  // of groups

// How the characters that an expression matches are written in the text: as they are, or as in a JSON string.
using CharWriter = std::function<ExprId(Grammar*, const CodePointSet&)>;

// Texts that contain a match or, without `contains`, are one as a whole: then ^ and $ at its ends say nothing
// new. Errors (kUsage) quote the expression and say at which byte.
Result<ExprId> add_regex(Grammar* grammar, std::string_view pattern, const CharWriter& write, bool contains);
Result<Grammar> regex_grammar(std::string_view pattern, bool contains = false);

}  // namespace gannet
