#include "cli/answer_grammar.h"

#include <utility>

#include "grammar/gbnf.h"
#include "grammar/json_schema.h"
#include "grammar/tool_grammar.h"

namespace gannet {

Result<Grammar> answer_grammar(const ChatOptions& o, CallFormat calls) {
  if (!o.grammar.empty()) return parse_gbnf(o.grammar);
  if (o.schema) return json_schema_grammar(*o.schema);
  if (calls == CallFormat::kNone)
    return Error(ErrorCode::kUsage, "the chat template says nothing of tools; --chat-template gives another");
  std::vector<ToolFunction> functions;
  for (const Tool& tool : o.tools)
    functions.push_back(
        {tool.name, tool.parameters() == nullptr ? nlohmann::ordered_json() : *tool.parameters()});
  ToolGrammarOptions options;
  options.format = calls == CallFormat::kTagged ? ToolFormat::kTagged : ToolFormat::kHermes;
  options.required = o.tool_choice == "required";
  if (!options.required && o.tool_choice != "auto") options.only = o.tool_choice;
  options.parallel = o.parallel_calls;
  return tool_call_grammar(functions, options);
}

}  // namespace gannet
