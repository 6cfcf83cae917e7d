// Grammars of tool calls: what a model may say when functions are declared.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "grammar/grammar.h"
#include "grammar/json_schema.h"

namespace gannet {

struct ToolFunction {
  std::string name;
  nlohmann::ordered_json parameters;  // the schema of its arguments; null: any object
};

enum class ToolFormat {
  // <tool_call>\n<function=NAME>\n<parameter=KEY>\nVALUE\n</parameter>\n...</function>\n</tool_call>
  // Values are raw text or JSON as declared_types.h says; raw text ends at the first "\n</parameter>\n".
  kTagged,
  kHermes,  // <tool_call>\n{"name": NAME, "arguments": {...}}\n</tool_call>
};

struct ToolGrammarOptions {
  ToolFormat format = ToolFormat::kTagged;
  // false (tool_choice "auto"): any text and any token, until <tool_call> begins a call; from there on only
  // calls. true ("required", or a named function): calls at once.
  bool required = false;
  std::optional<std::string> only = std::nullopt;  // the function that tool_choice names; implies `required`
  bool parallel = true;                            // more than one call
  JsonSpace space = JsonSpace::kSome;
};

// Errors (kUsage): no functions, an unusable or repeated name, a function that is named but not declared, and
// those of json_schema_grammar(), with the name of the function in front.
Result<Grammar> tool_call_grammar(std::span<const ToolFunction> functions, const ToolGrammarOptions& options);

// Free text until `marker` appears for the first time ("</think>"), then line breaks and spaces (at most 8),
// then what the grammar says: for answers that begin inside a thought.
Grammar after_marker(const Grammar& grammar, std::string_view marker);

}  // namespace gannet
