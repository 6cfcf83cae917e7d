// `gannet inspect FILE`: what is in a model file and what it will cost to run.
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/inspect_model.h"
#include "cli/inspect_text.h"
#include "cli/model_options.h"

namespace gannet {
namespace {

struct InspectOptions {
  std::string file;
  bool all = false;
};

Result<void> run_inspect(const InspectOptions& o) {
  const GgufFile file = GANNET_TRY(o.file.empty() ? GgufFile::parse(pocket_model(), "pocket model (embedded)")
                                                  : GgufFile::open(o.file));
  fmt::print("{}", inspect_container(file, o.all));
  // A vocabulary, a projector or a foreign architecture is still worth looking at, so this part may be
  // missing.
  auto text = inspect_model(file);
  if (text.ok())
    fmt::print("\n{}", *text);
  else
    fmt::print("\nnot a model that gannet runs: {}\n", text.error().message());
  return {};
}

}  // namespace

void add_inspect_command(CLI::App& app, Action& action) {
  auto o = std::make_shared<InspectOptions>();
  CLI::App* sub =
      app.add_subcommand("inspect", "Show what a model file holds: card, tensors, layers, bytes per token");
  sub->add_option("FILE,-m,--model", o->file, "Model file. Default: the embedded pocket model");
  sub->add_flag("--all", o->all, "Full values and every tensor");
  sub->callback([o, &action] { action = [o] { return run_inspect(*o); }; });
}

}  // namespace gannet
