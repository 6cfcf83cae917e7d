// Flags about how messages become a prompt, and the template that makes one of them.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "chat/chat_template.h"
#include "cli/options.h"
#include "gguf/gguf.h"
#include "text/tokenizer.h"

namespace gannet {

struct TemplateFlags {
  std::string text, file, arguments;
  bool jinja = true;
  std::string thinking = "auto";
  bool given = false;  // one of them on the command line
};

void add_template_options(Options& options, TemplateFlags& flags);

// The same with files read and checked.
struct TemplateOptions {
  std::string source;  // Jinja; empty: the model's own
  std::string flag;    // that the source came with, for messages
  nlohmann::ordered_json arguments = nlohmann::ordered_json::object();
  std::optional<bool> thinking;  // not set: as the template has it
};
// Errors: kUsage naming the flag; those of reading files.
Result<TemplateOptions> template_options(const TemplateFlags& flags);

// The one of the options, else the model's own, else ChatML where the vocabulary has its tokens; none where
// it has not. Errors: those of ChatTemplate::make(), naming whose template it is.
Result<std::optional<ChatTemplate>> model_template(const TemplateOptions& options, const GgufFile& file,
                                                   const Tokenizer& tokenizer);

// The text of a flag or of the file that another one names. Errors: kUsage if both are given.
Result<std::string> text_or_file(const std::string& text, const std::string& file, const char* flag,
                                 const char* file_flag);

}  // namespace gannet
