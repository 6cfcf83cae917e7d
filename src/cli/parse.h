// From the words of a command line, and the environment, to the command that they choose.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/command.h"

namespace gannet {

struct Parsed {
  enum class What { kAction, kHelp, kVersion };
  What what = What::kHelp;
  std::vector<const Command*> path;  // from the program to the chosen command; points into the program
};

// Stores the values of the chosen command in its targets. Values come from the command line, else from
// GANNET_ARG_X, else from LLAMA_ARG_X (unless an option is given that excludes this one), else they stay. The
// last of a repeated option wins; lists collect. Errors: kUsage, one line that names the option or the
// variable.
Result<Parsed> parse_arguments(const Command& program, std::span<const std::string> arguments);

// Variables GANNET_ARG_X of the environment that no option reads: typing errors, which would do nothing.
std::vector<std::string> unknown_variables(const Command& program);

}  // namespace gannet
