#include "cli/template_flags.h"

#include <utility>

#include <fmt/format.h>

#include "base/printable.h"
#include "chat/reader.h"
#include "cli/input_text.h"
#include "engine/model_template.h"

namespace gannet {
namespace {}  // namespace

Result<std::string> text_or_file(const std::string& text, const std::string& file, const char* flag,
                                 const char* file_flag) {
  if (!text.empty() && !file.empty())
    return usage(fmt::format("{} and {} say the same; give one", flag, file_flag));
  if (file.empty()) return text;
  auto read = read_prompt_file(file);
  if (!read.ok()) return read.take_error().with_context(file_flag);
  if (read->empty()) return usage(fmt::format("{}: {} is empty", file_flag, printable(file)));
  return read;
}

void add_template_options(Options& options, TemplateFlags& f) {
  const Options own = {
      {.names = "-rea,--reasoning",
       .value = "on|off|auto",
       .help = "Whether the model thinks before it answers; auto: as its template has it",
       .target = &f.thinking,
       .choices = {"on", "off", "auto"},
       .environment = "REASONING"},
      {.names = "--chat-template",
       .value = "TEMPLATE",
       .help = "Jinja template for messages, instead of the model's own; or chatml",
       .target = &f.text,
       .environment = "CHAT_TEMPLATE"},
      {.names = "--chat-template-file",
       .value = "FILE",
       .help = "The same from a file",
       .target = &f.file,
       .environment = "CHAT_TEMPLATE_FILE"},
      {.names = "--chat-template-kwargs",
       .value = "JSON",
       .help = "Variables for the template: an object, like {\"enable_thinking\": false}",
       .target = &f.arguments,
       .environment = "CHAT_TEMPLATE_KWARGS"},
      {.names = "--jinja",
       .help = "Accepted: templates are always read; --no-jinja: write messages as ChatML",
       .target = &f.jinja,
       .environment = "JINJA"},
  };
  for (Option option : own) {
    option.given = &f.given;
    options.push_back(std::move(option));
  }
}

Result<TemplateOptions> template_options(const TemplateFlags& f) {
  TemplateOptions o;
  o.source = GANNET_TRY(text_or_file(f.text, f.file, "--chat-template", "--chat-template-file"));
  o.flag = f.file.empty() ? "--chat-template" : "--chat-template-file " + printable(f.file);
  if (!f.jinja) {
    if (!o.source.empty()) return usage("--no-jinja: " + o.flag + " is written in Jinja; leave one out");
    o.source = "chatml";
  }
  if (!f.arguments.empty()) {
    o.arguments = GANNET_TRY(read_json(f.arguments, "--chat-template-kwargs"));
    if (!o.arguments.is_object())
      return usage("--chat-template-kwargs: must be a JSON object, like {\"enable_thinking\": false}");
  }
  if (f.thinking != "auto") o.thinking = f.thinking == "on";
  return o;
}

Result<std::optional<ChatTemplate>> model_template(const TemplateOptions& o, const GgufFile& file,
                                                   const Tokenizer& tokenizer) {
  const std::string& source = o.source;
  const bool own = source.empty();
  if (!own && source != "chatml" && source.find("{%") == std::string::npos &&
      source.find("{{") == std::string::npos)
    return usage(
        fmt::format("{}: {} is no Jinja template; the only name that is known is chatml, and "
                    "--chat-template-file reads a file",
                    o.flag, printable(source, 60)));
  auto made = model_template(file, tokenizer, source);
  if (made.ok()) return made;
  if (own)
    return made.take_error().with_context("the chat template of the model (--chat-template gives another)");
  return Error(ErrorCode::kUsage, made.error().message()).with_context(o.flag);
}

}  // namespace gannet
