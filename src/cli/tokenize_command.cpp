// `gannet tokenize`: text, or a conversation, to token ids, one token per line with its text, or the ids
// only.
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "base/printable.h"
#include "chat/reader.h"
#include "cli/command.h"
#include "cli/input_text.h"
#include "cli/model_options.h"
#include "cli/prompt_source.h"
#include "cli/say.h"
#include "cli/template_flags.h"
#include "engine/vocabulary_from_gguf.h"

namespace gannet {
namespace {

struct TokenizeOptions {
  std::string model;
  std::optional<std::string> text, file;
  bool ids = false, parse_special = true, chat = false;
  TemplateFlags prompt;
};

// Bytes as they are, with the final line end of a file.
Result<std::string> input_text(const TokenizeOptions& o) {
  if (o.text && o.file)
    return Error(ErrorCode::kUsage, fmt::format("there are two texts: TEXT and -f {}; give one", *o.file));
  if ((o.text || (o.file && *o.file != "-" && *o.file != "/dev/stdin")) && look_at_stdin() == Stdin::kText)
    return Error(ErrorCode::kUsage,
                 fmt::format("there are two texts: {} and stdin; give one (</dev/null leaves stdin out)",
                             o.text ? "TEXT" : "-f " + *o.file));
  if (o.text) return *o.text;
  return read_text(o.file.value_or("-"));
}

// The prompt of a conversation, as the template of the model makes it.
Result<MarkedText> prompt_of(const TokenizeOptions& o, const std::string& text, const GgufFile& file,
                             const Tokenizer& tokenizer) {
  const TemplateOptions options = GANNET_TRY(template_options(o.prompt));
  const auto chat = GANNET_TRY(model_template(options, file, tokenizer));
  if (!chat)
    return Error(ErrorCode::kUsage, "--chat: the model has no chat template; --chat-template gives one");
  const auto json = GANNET_TRY(read_json(text, "the conversation"));
  const Conversation conversation = GANNET_TRY(read_conversation(json));
  RenderOptions render;
  render.thinking = options.thinking;
  render.variables = options.arguments;
  return GANNET_TRY(chat->render(conversation, render)).text;
}

Result<void> run_tokenize(const TokenizeOptions& o) {
  if (o.prompt.given && !o.chat)
    return Error(ErrorCode::kUsage, "options of chat templates need --chat: a text has no messages");
  // Only the vocabulary is needed, so a vocabulary-only file will do.
  const GgufFile file = GANNET_TRY(open_model_file(o.model));
  const Tokenizer tokenizer = GANNET_TRY(tokenizer_from_gguf(file));
  const std::string text = GANNET_TRY(input_text(o));
  std::vector<TokenId> ids;
  if (o.chat) {
    const MarkedText prompt = GANNET_TRY(prompt_of(o, text, file, tokenizer));
    ids = GANNET_TRY(tokenizer.encode(prompt, /*add_special=*/true));
  } else {
    ids = GANNET_TRY(tokenizer.encode(text, {.add_special = true, .parse_special = o.parse_special}));
  }
  std::string out;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (o.ids)
      out += fmt::format("{}{}", i ? " " : "", ids[i]);
    else
      out += fmt::format("{:>6}  {}\n", ids[i],
                         printable(tokenizer.output_piece(ids[i], true), std::numeric_limits<size_t>::max()));
  }
  if (o.ids) out += '\n';
  return put_stdout(out);
}

}  // namespace

Command tokenize_command() {
  auto o = std::make_shared<TokenizeOptions>();
  Command command{.name = "tokenize", .summary = "Show the tokens of a text or a conversation"};
  command.options = {
      {.names = "TEXT",
       .help = "The text; without it and -f it is read from stdin",
       .target = &o->text,
       .accepts_empty = true},
      {.names = "-m,--model",
       .value = "FILE",
       .help = "Model or vocabulary file. Default: the embedded pocket model",
       .target = &o->model,
       .environment = "MODEL"},
      {.names = "-f,--file",
       .value = "FILE",
       .help = "Read the text from this file (- for stdin)",
       .target = &o->file},
      {.names = "--ids", .help = "Print only the ids, on one line", .target = &o->ids},
      {.names = "--parse-special",
       .help = "Read control tokens such as <|im_start|> in the text (--no-parse-special: "
               "take them as text)",
       .target = &o->parse_special},
      {.names = "--chat",
       .help = "The text is a conversation in JSON, as servers take it: messages, or an object "
               "with messages and tools. Its prompt is shown, by the template of the model",
       .target = &o->chat,
       .excludes = "--parse-special"}};
  add_template_options(command.options, o->prompt);
  command.action = [o] { return run_tokenize(*o); };
  return command;
}

}  // namespace gannet
