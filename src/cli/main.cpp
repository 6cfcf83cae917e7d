// The gannet program.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <exception>
#include <new>
#include <system_error>
#include <utility>

#include "cli/help.h"
#include "cli/parse.h"
#include "cli/say.h"

namespace gannet {
namespace {

Result<void> run_program(const std::vector<std::string>& arguments) {
  const Command program = gannet_program();
  const Parsed parsed = GANNET_TRY(parse_arguments(program, arguments));
  switch (parsed.what) {
    case Parsed::What::kHelp:
      return put_stdout(help_text(parsed.path));
    case Parsed::What::kVersion:
      return put_stdout("gannet " GANNET_VERSION "\n");
    case Parsed::What::kAction:
      break;
  }
  for (const std::string& name : unknown_variables(program))
    say("the environment variable {} means nothing to gannet; is it misspelled?", name);
  return parsed.path.back()->action();
}

// A closed stdin, stdout or stderr would be the next file that is opened, and a message would land in a
// model. What takes its place here fails when used, as the closed one would.
void hold_standard_streams() {
  for (const auto& [fd, mode] : {std::pair(STDIN_FILENO, O_WRONLY), std::pair(STDOUT_FILENO, O_RDONLY),
                                 std::pair(STDERR_FILENO, O_RDONLY)})
    if (fcntl(fd, F_GETFD) < 0) open("/dev/null", mode);  // gets the lowest free number: this one
}

int report(const Error& error) {
  if (error.code() != ErrorCode::kInterrupted && !error.message().empty()) say("error: {}", error.message());
  return static_cast<int>(error.code());
}

}  // namespace

int run_main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a limit of file sizes is a failed write
  hold_standard_streams();
  try {
    const Result<void> done = run_program({argv + 1, argv + argc});
    // Output that did not arrive fails every command, also one that did not notice.
    const Result<void> written = flush_stdout();
    if (!done.ok()) return report(done.error());
    return written.ok() ? 0 : report(written.error());
  } catch (const std::bad_alloc&) {
    return report(
        {ErrorCode::kOutOfMemory, "out of memory; use a smaller model, --ctx-size or --ubatch-size"});
  } catch (const std::system_error& error) {
    return report({ErrorCode::kRuntime, std::string("the system refuses: ") + error.what()});
  } catch (const std::exception& error) {
    return report({ErrorCode::kRuntime, error.what()});
  }
}

}  // namespace gannet

int main(int argc, char** argv) {
  return gannet::run_main(argc, argv);
}
