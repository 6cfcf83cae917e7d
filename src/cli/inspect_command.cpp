// `gannet inspect FILE`: what is in a model file and what it will cost to run.
#include "base/printable.h"
#include "cli/command.h"
#include "cli/inspect_model.h"
#include "cli/inspect_text.h"
#include "cli/model_options.h"
#include "cli/say.h"
#include "cli/template_flags.h"
#include "engine/vocabulary_from_gguf.h"

namespace gannet {
namespace {

struct InspectOptions {
  std::string file, model;
  bool all = false;
};

// What the chat template can do, or why it cannot be used; empty: there is none.
std::string template_text(const GgufFile& file) {
  if (file.find("tokenizer.chat_template") == nullptr) return "";
  const auto line = [&]() -> Result<std::string> {
    const Tokenizer tokenizer = GANNET_TRY(tokenizer_from_gguf(file));
    return GANNET_TRY(model_template({}, file, tokenizer))->facts().describe();
  }();
  return "\nChat template\n  " + visible(line.ok() ? *line : "unusable: " + line.error().message()) + "\n";
}

Result<void> run_inspect(const InspectOptions& o) {
  const GgufFile file = GANNET_TRY(open_model_file(o.file.empty() ? o.model : o.file));
  GANNET_TRY(put_stdout(inspect_container(file, o.all) + template_text(file)));
  // A vocabulary, a projector or a foreign architecture is still worth looking at, so this part may be
  // missing.
  auto text = inspect_model(file);
  if (text.ok()) return print("\n{}", *text);
  return print("\nnot a model that gannet runs: {}\n", visible(text.error().message()));
}

}  // namespace

Command inspect_command() {
  auto o = std::make_shared<InspectOptions>();
  return {.name = "inspect",
          .summary = "Show what a model file holds: card, tensors, layers, bytes per token",
          .options = {{.names = "FILE",
                       .help = "Model file. Default: the embedded pocket model",
                       .target = &o->file},
                      {.names = "-m,--model",
                       .value = "FILE",
                       .help = "The same as an option",
                       .target = &o->model,
                       .environment = "MODEL",
                       .excludes = "FILE"},
                      {.names = "--all", .help = "Full values and every tensor", .target = &o->all}},
          .action = [o] { return run_inspect(*o); }};
}

}  // namespace gannet
