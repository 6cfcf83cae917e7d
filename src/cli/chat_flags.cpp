#include "cli/chat_flags.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/printable.h"
#include "chat/reader.h"
#include "cli/input_text.h"
#include "cli/prompt_source.h"

namespace gannet {
namespace {}  // namespace

void add_chat_options(Options& options, ChatFlags& f) {
  const Options own = {
      {.names = "-sys,--system-prompt",
       .value = "TEXT",
       .help = "Instructions in front of the conversation",
       .target = &f.system},
      {.names = "-sysf,--system-prompt-file",
       .value = "FILE",
       .help = "The same from a file",
       .target = &f.system_file},
      {.names = "-n,--predict,--n-predict",
       .value = "N",
       .help = "Most tokens to generate; -1: until the answer ends",
       .target = &f.n_predict,
       .at_least = -1,
       .environment = "N_PREDICT"},
      {.names = "--raw", .help = "Continue the text as it is, without chat format", .target = &f.raw},
      {.names = "-no-cnv,--no-conversation", .help = "The same as --raw", .target = &f.raw},
      {.names = "--timings", .help = "Print token counts and rates to stderr", .target = &f.timings},
      {.names = "--reasoning-format",
       .value = "HOW",
       .help = "auto (or deepseek): thoughts are told apart from the answer, dimmed at a terminal; none: "
               "they stay in it "
               "with their tags",
       .target = &f.thoughts_format,
       .choices = {"auto", "deepseek", "none"},
       .environment = "THINK"},
      {.names = "--fold-thoughts", .help = "Show only how long the thoughts are", .target = &f.fold_thoughts},
      {.names = "--reasoning-preserve",
       .help = "Keep the thoughts of earlier answers in the conversation, where the template can",
       .target = &f.keep_thoughts,
       .environment = "REASONING_PRESERVE"},
      {.names = "-j,--json-schema",
       .value = "SCHEMA",
       .help = "The answer is JSON of this schema; {} for any JSON",
       .target = &f.schema},
      {.names = "-jf,--json-schema-file",
       .value = "FILE",
       .help = "The same from a file",
       .target = &f.schema_file},
      {.names = "--grammar",
       .value = "GRAMMAR",
       .help = "The answer is a text of this grammar (GBNF)",
       .target = &f.grammar},
      {.names = "--grammar-file", .value = "FILE", .help = "The same from a file", .target = &f.grammar_file},
      {.names = "--tools",
       .value = "FILE",
       .help = "Functions that the model may call, a JSON array as OpenAI's API takes it; calls are printed "
               "as lines of "
               "JSON",
       .target = &f.tools_file},
      {.names = "--tool-choice",
       .value = "HOW",
       .help = "auto: it may call; none; required: it must; or the name of the function that it must call",
       .target = &f.tool_choice},
      {.names = "--parallel-tool-calls",
       .help = "An answer may have several calls (--no-parallel-tool-calls: only one)",
       .target = &f.parallel_calls},
  };
  options.insert(options.end(), own.begin(), own.end());
  add_template_options(options, f.prompt);
}

Result<ChatOptions> chat_options(const ChatFlags& f, bool escape) {
  ChatOptions o;
  o.system = GANNET_TRY(text_or_file(f.system, f.system_file, "-sys", "-sysf"));
  if (escape && f.system_file.empty()) o.system = unescaped(o.system);
  o.raw = f.raw;
  o.prompt = GANNET_TRY(template_options(f.prompt));
  o.thoughts_in_content = f.thoughts_format == "none";
  o.keep_thoughts = f.keep_thoughts;
  o.thoughts = f.fold_thoughts ? ThoughtView::kFolded : ThoughtView::kShown;
  const std::string schema = GANNET_TRY(text_or_file(f.schema, f.schema_file, "-j", "-jf"));
  o.grammar = GANNET_TRY(text_or_file(f.grammar, f.grammar_file, "--grammar", "--grammar-file"));
  if (!schema.empty() && !o.grammar.empty())
    return usage("-j and --grammar both say what the answer is; give one");
  if (!schema.empty()) o.schema = GANNET_TRY(read_json(schema, f.schema_file.empty() ? "-j" : "-jf"));
  if (!f.tools_file.empty()) {
    const std::string text = GANNET_TRY(text_or_file("", f.tools_file, "", "--tools"));
    auto tools = read_tools(GANNET_TRY(read_json(text, "--tools")));
    if (!tools.ok()) return tools.take_error().with_context("--tools");
    o.tools = tools.take();
  }
  o.tool_choice = f.tool_choice;
  const bool named = f.tool_choice != "auto" && f.tool_choice != "none" && f.tool_choice != "required";
  if (f.tool_choice != "auto" && o.tools.empty())
    return usage("--tool-choice: there are no tools; --tools FILE declares them");
  if (named && std::ranges::none_of(o.tools, [&](const Tool& t) { return t.name == f.tool_choice; }))
    return usage(fmt::format(
        "--tool-choice {}: no function of that name is in --tools; or write auto, none or required",
        printable(f.tool_choice, 60)));
  if (!o.tools.empty() && o.tool_choice != "none" && (o.schema || !o.grammar.empty()))
    return usage(fmt::format("--tools and {} both say what the answer is; give one, or --tool-choice none",
                             o.schema ? "-j" : "--grammar"));
  if (o.raw) {
    o.prompt = {};  // what the environment says of it
    for (const auto& [given, flag] :
         {std::pair(!o.tools.empty(), "--tools"), std::pair(!o.system.empty(), "-sys"),
          std::pair(f.prompt.given, "an option of chat templates")})
      if (given) return usage(fmt::format("{} needs the chat format, which --raw leaves out", flag));
  }
  o.form = !f.schema.empty()         ? "-j"
           : !f.schema_file.empty()  ? "-jf " + printable(f.schema_file)
           : !f.grammar.empty()      ? "--grammar"
           : !f.grammar_file.empty() ? "--grammar-file " + printable(f.grammar_file)
                                     : "--tools " + printable(f.tools_file);
  o.parallel_calls = f.parallel_calls;
  o.n_predict = f.n_predict;
  o.timings = f.timings;
  return o;
}

}  // namespace gannet
