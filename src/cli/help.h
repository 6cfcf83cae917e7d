// The help and the manual page, from the tables of options.
#pragma once

#include <span>
#include <string>

#include "cli/command.h"

namespace gannet {

// What `gannet COMMAND --help` prints. `path`: from the program to the command.
std::string help_text(std::span<const Command* const> path);

// The manual page gannet(1) in the man macros of troff.
std::string manual_page(const Command& program);

// The completion script for "bash", "zsh" or "fish". Errors: kUsage for another shell.
Result<std::string> completion_script(const Command& program, const std::string& shell);

}  // namespace gannet
