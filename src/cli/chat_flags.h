// Flags of a conversation: who says what first, how messages become text, what the answer must look like.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "chat/message.h"
#include "cli/answer_view.h"
#include "cli/options.h"
#include "cli/template_flags.h"

namespace gannet {

struct ChatFlags {
  std::string system, system_file;
  bool raw = false;
  TemplateFlags prompt;
  std::string thoughts_format = "auto";
  bool keep_thoughts = false, fold_thoughts = false;
  std::string schema, schema_file, grammar, grammar_file;
  std::string tools_file, tool_choice = "auto";
  bool parallel_calls = true;
  int64_t n_predict = -1;
  bool timings = false;
};

void add_chat_options(Options& options, ChatFlags& flags);

// The same with files read and checked.
struct ChatOptions {
  std::string system;
  bool raw = false;
  TemplateOptions prompt;
  bool thoughts_in_content = false, keep_thoughts = false;
  ThoughtView thoughts = ThoughtView::kShown;
  std::optional<nlohmann::ordered_json> schema;
  std::string grammar;  // GBNF
  std::string form;     // the flag that schema, grammar or tools came with, for messages
  std::vector<Tool> tools;
  std::string tool_choice = "auto";  // or none, required, or a name
  bool parallel_calls = true;
  int64_t n_predict = -1;
  bool timings = false;
};
// Errors: kUsage naming the flag; those of reading files.
Result<ChatOptions> chat_options(const ChatFlags& flags, bool escape);

}  // namespace gannet
