// The commands of the program, and those about the program itself.
#include "cli/command.h"
#include "cli/help.h"
#include "cli/say.h"

namespace gannet {
namespace {

Command help_command() {
  struct HelpOptions {
    std::string command;  // the parser answers `gannet help COMMAND`
    bool manual = false;
  };
  auto o = std::make_shared<HelpOptions>();
  return {.name = "help",
          .summary = "Tell the options of a command, or all of them as a manual page",
          .options = {{.names = "COMMAND", .help = "What to tell about", .target = &o->command},
                      {.names = "--man", .help = "Print the manual page gannet(1)", .target = &o->manual}},
          .action = [o] { return put_stdout(manual_page(gannet_program())); }};
}

Command version_command() {
  return {.name = "version", .summary = "Print the version", .action = [] {
            return put_stdout("gannet " GANNET_VERSION "\n");
          }};
}

Command completions_command() {
  auto shell = std::make_shared<std::string>();
  return {.name = "completions",
          .summary = "Print the completion script for a shell",
          .options = {{.names = "SHELL",
                       .help = "The shell",
                       .target = shell.get(),
                       .choices = {"bash", "zsh", "fish"},
                       .required = true}},
          .action = [shell]() -> Result<void> {
            return put_stdout(GANNET_TRY(completion_script(gannet_program(), *shell)));
          }};
}

}  // namespace

Command gannet_program() {
  Command program{.name = "gannet",
                  .summary = "Gannet runs Qwen's language models, Qwen3 and later, from GGUF files"};
  program.commands = {run_command(),     serve_command(),   bench_command(),      tune_command(),
                      inspect_command(), gguf_command(),    tokenize_command(),   logits_command(),
                      explain_command(), opt_command(),     synth_command(),      devices_command(),
                      help_command(),    version_command(), completions_command()};
  program.notes =
      "Examples:\n"
      "  gannet run \"define harbor\"                   ask the embedded pocket model, a dictionary\n"
      "  gannet run -m model.gguf                      chat with a model\n"
      "  gannet bench -m model.gguf -p 512 -n 128      measure it\n"
      "  gannet tune -m model.gguf                     find what suits it on this machine, for later runs\n"
      "gannet COMMAND --help (or gannet help COMMAND) tells the options of a command. Where it names a "
      "variable\n"
      "$GANNET_ARG_X, its value counts when the option is not given; if it is not set, that of "
      "LLAMA_ARG_X.\n";
  return program;
}

}  // namespace gannet
