// The shape of a command of the gannet program: it declares its options on a CLI11 sub-command and leaves an
// action that main() runs after parsing. Data goes to stdout, everything else to stderr.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/result.h"

namespace gannet {

using Action = std::function<Result<void>()>;

// One function per command; `action` is set when the command was chosen.
void add_run_command(CLI::App& app, Action& action);
void add_tokenize_command(CLI::App& app, Action& action);
void add_inspect_command(CLI::App& app, Action& action);
void add_gguf_command(CLI::App& app, Action& action);
void add_synth_command(CLI::App& app, Action& action);
void add_logits_command(CLI::App& app, Action& action);
void add_bench_command(CLI::App& app, Action& action);
void add_opt_command(CLI::App& app, Action& action);
void add_explain_command(CLI::App& app, Action& action);
void add_devices_command(CLI::App& app, Action& action);

// Users type multi-letter options with one dash (-ub 512, -ctk f16). CLI11 reads those as clusters of short
// options, so known ones get their second dash before parsing. Values and unknown words pass unchanged.
std::vector<std::string> expand_single_dash(const std::vector<std::string>& arguments);

// GANNET_ARG_X takes the value of LLAMA_ARG_X where only that is set, so that existing environments keep
// working.
void adopt_environment();

}  // namespace gannet
