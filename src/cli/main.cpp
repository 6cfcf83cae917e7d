// The gannet program.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <system_error>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/nearest.h"

namespace gannet {
namespace {

int report(const Error& error) {
  if (error.code() != ErrorCode::kInterrupted) fmt::print(stderr, "gannet: error: {}\n", error.message());
  return static_cast<int>(error.code());
}

int run_program(const std::vector<std::string>& arguments) {
  CLI::App app{"Gannet runs Qwen's hybrid language models from GGUF files.", "gannet"};
  app.set_version_flag("--version", GANNET_VERSION);
  app.require_subcommand(0, 1);
  app.get_formatter()->column_width(34);
  app.footer(
      "\nExamples:\n"
      "  gannet run \"define harbor\"                   ask the embedded pocket model\n"
      "  gannet run -m model.gguf                      chat with a model\n"
      "  gannet bench -m model.gguf -p 512 -n 128      measure it\n"
      "`gannet COMMAND --help` tells the options of a command.");
  Action action;
  add_run_command(app, action);
  add_tokenize_command(app, action);
  add_inspect_command(app, action);
  add_gguf_command(app, action);
  add_synth_command(app, action);
  add_logits_command(app, action);
  add_bench_command(app, action);
  add_explain_command(app, action);
  add_opt_command(app, action);
  add_devices_command(app, action);

  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    return 0;
  } catch (const CLI::CallForAllHelp&) {
    fmt::print("{}", app.help("", CLI::AppFormatMode::All));
    return 0;
  } catch (const CLI::CallForVersion&) {
    fmt::print("gannet {}\n", GANNET_VERSION);
    return 0;
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "gannet: error: {}{}\n", error.what(), nearest_hint(app, arguments));
    return static_cast<int>(ErrorCode::kUsage);
  }
  if (!action) {
    fmt::print("{}", app.help());
    return arguments.empty() ? 0 : static_cast<int>(ErrorCode::kUsage);
  }
  const Result<void> result = action();
  return result.ok() ? 0 : report(result.error());
}

}  // namespace
}  // namespace gannet

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    gannet::adopt_environment();
    return gannet::run_program(gannet::expand_single_dash({argv + 1, argv + argc}));
  } catch (const std::bad_alloc&) {
    std::fputs("gannet: error: out of memory; use a smaller model, --ctx-size or --ubatch-size\n", stderr);
    return static_cast<int>(gannet::ErrorCode::kOutOfMemory);
  } catch (const std::system_error& error) {
    std::fprintf(stderr,
                 "gannet: error: the system gives no more threads or files: %s; use fewer threads (-t)\n",
                 error.what());
    return static_cast<int>(gannet::ErrorCode::kOutOfMemory);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gannet: error: %s\n", error.what());
    return static_cast<int>(gannet::ErrorCode::kRuntime);
  }
}
