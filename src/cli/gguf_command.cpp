// `gannet gguf verify FILE`.
#include <unistd.h>

#include "cli/command.h"
#include "cli/gguf_verify.h"
#include "cli/interrupt.h"

namespace gannet {

void add_gguf_command(CLI::App& app, Action& action) {
  struct Options {
    std::string file;
    VerifyOptions verify;
  };
  auto o = std::make_shared<Options>();
  CLI::App* group = app.add_subcommand("gguf", "Work on GGUF files");
  group->require_subcommand(1);
  CLI::App* sub = group->add_subcommand("verify", "Check structure, ranges and every scale of a file");
  sub->add_option("FILE", o->file, "Model file (of a split model the first shard)")->required();
  sub->add_flag("--sha256", o->verify.sha256, "Also print the SHA-256 of each file");
  sub->callback([o, &action] {
    action = [o] {
      catch_interrupts();
      std::FILE* progress = isatty(STDERR_FILENO) == 1 ? stderr : nullptr;
      return run_gguf_verify(o->file, o->verify, stdout, progress, interrupted);
    };
  });
}

}  // namespace gannet
