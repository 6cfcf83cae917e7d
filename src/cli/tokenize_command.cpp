// `gannet tokenize`: text to token ids, one token per line with its text, or the ids only.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/input_text.h"
#include "cli/model_options.h"
#include "engine/vocabulary_from_gguf.h"
#include "gguf/printable.h"

namespace gannet {
namespace {

struct TokenizeOptions {
  std::string model;
  std::optional<std::string> text, file;
  bool ids = false, parse_special = true;
};

// Bytes as they are, with the final line end of a file.
Result<std::string> input_text(const TokenizeOptions& o) {
  if (o.text && o.file)
    return Error(ErrorCode::kUsage, fmt::format("there are two texts: TEXT and -f {}; give one", *o.file));
  if (o.text) return *o.text;
  return read_text(o.file.value_or("-"));
}

Result<void> write_stdout(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return {};
  return Error(ErrorCode::kOutput, fmt::format("stdout cannot be written: {}", std::strerror(errno)));
}

Result<void> run_tokenize(const TokenizeOptions& o) {
  // Only the vocabulary is needed, so a vocabulary-only file will do.
  const GgufFile file = GANNET_TRY(
      o.model.empty() ? GgufFile::parse(pocket_model(), "pocket model (embedded)") : GgufFile::open(o.model));
  const Tokenizer tokenizer = GANNET_TRY(tokenizer_from_gguf(file));
  const std::string text = GANNET_TRY(input_text(o));
  const std::vector<TokenId> ids =
      GANNET_TRY(tokenizer.encode(text, {.add_special = true, .parse_special = o.parse_special}));
  std::string out;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (o.ids)
      out += fmt::format("{}{}", i ? " " : "", ids[i]);
    else
      out += fmt::format("{:>6}  {}\n", ids[i],
                         printable(tokenizer.output_piece(ids[i], true), std::numeric_limits<size_t>::max()));
  }
  if (o.ids) out += '\n';
  return write_stdout(out);
}

}  // namespace

void add_tokenize_command(CLI::App& app, Action& action) {
  auto o = std::make_shared<TokenizeOptions>();
  CLI::App* sub = app.add_subcommand("tokenize", "Show the tokens of a text");
  sub->add_option("-m,--model", o->model, "Model or vocabulary file. Default: the embedded pocket model")
      ->envname("GANNET_ARG_MODEL");
  sub->add_option("TEXT", o->text, "The text; without it and -f it is read from stdin");
  sub->add_option("-f,--file", o->file,
                  "Read the text from this file, FIFO or <(...) (- for stdin), as it is");
  sub->add_flag("--ids", o->ids, "Print only the ids, on one line");
  sub->add_flag("--parse-special,!--no-parse-special", o->parse_special,
                "Read control tokens such as <|im_start|> in the text (default), or take them as text");
  sub->callback([o, &action] { action = [o] { return run_tokenize(*o); }; });
}

}  // namespace gannet
