// `gannet tokenize`: text to token ids, one token per line with its text, or the ids only.
#include <iostream>
#include <iterator>

#include <fmt/format.h>

#include "base/mapped_file.h"
#include "cli/command.h"
#include "cli/model_options.h"
#include "engine/vocabulary_from_gguf.h"

namespace gannet {
namespace {

struct TokenizeOptions {
  std::string model, text, file;
  bool ids = false, parse_special = false;
};

Result<std::string> input_text(const TokenizeOptions& o) {
  if (!o.text.empty()) return o.text;
  if (!o.file.empty() && o.file != "-") {
    const MappedFile file = GANNET_TRY(MappedFile::open(o.file));
    return std::string(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  }
  return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

std::string printable(std::string_view piece) {
  std::string out;
  for (char c : piece) {
    if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\r')
      out += "\\r";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out;
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
      out += fmt::format("{:>6}  {}\n", ids[i], printable(tokenizer.output_piece(ids[i], true)));
  }
  if (o.ids) out += '\n';
  std::fwrite(out.data(), 1, out.size(), stdout);
  return {};
}

}  // namespace

Command tokenize_command() {
  auto o = std::make_shared<TokenizeOptions>();
  return {.name = "tokenize",
          .summary = "Show the tokens of a text",
          .options = {{.names = "TEXT",
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
                       .help = "Read control tokens such as <|im_start|> in the text",
                       .target = &o->parse_special}},
          .action = [o] { return run_tokenize(*o); }};
}

}  // namespace gannet
