// The shape of a command of the gannet program: a table of options and an action that runs after parsing.
// Data goes to stdout, everything else to stderr.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/options.h"

namespace gannet {

struct ModelServiceOptions;

using Action = std::function<Result<void>()>;
using AdjustService = std::function<Result<void>(ModelServiceOptions&)>;

struct Command {
  std::string name = {}, summary = {};
  std::string notes = {};  // lines below the options in its help
  Options options = {};
  Action action = {};  // empty: a group, or a command that the parser itself answers
  std::vector<Command> commands = {};
};

// One function per command; the options' targets live in the action.
Command run_command();
// `adjust` has a say in what the server does; may be null.
Command serve_command(AdjustService adjust = {});
Command tokenize_command();
Command inspect_command();
Command gguf_command();
Command synth_command();
Command logits_command();
Command bench_command();
Command tune_command();
Command opt_command();
Command explain_command();
Command devices_command();

// The whole program: all of the above, and help, version and completions.
Command gannet_program();

}  // namespace gannet
