#include "cli/say.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/printable.h"

namespace gannet {

Error stdout_error(int code) {
  // A reader that has seen enough (`| head`) is nothing to tell anybody about.
  if (code == EPIPE) return {ErrorCode::kOutput, ""};
  return {ErrorCode::kOutput, fmt::format("stdout cannot be written: {}",
                                          code == 0 ? "an earlier write failed" : std::strerror(code))};
}

Result<void> put_stdout(std::string_view text) {
  static const bool screen = isatty(STDOUT_FILENO) == 1;
  // Names and paths in it come from files and arguments.
  const std::string shown = screen ? visible(text) : "";
  if (screen) text = shown;
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) return stdout_error(errno);
  return {};
}

Result<void> flush_stdout() {
  errno = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) return stdout_error(errno);
  return {};
}

void put_stderr(std::string_view text) {
  const std::string shown = visible(text);
  // Nobody could be told that this failed.
  [[maybe_unused]] const size_t written = std::fwrite(shown.data(), 1, shown.size(), stderr);
}

void put_note(std::string_view text) {
  std::string line = "gannet: ";
  for (const char c : text) line += c == '\n' ? std::string("\\n") : std::string(1, c);
  put_stderr(line + "\n");
}

bool stderr_is_screen() {
  const char* term = std::getenv("TERM");
  const std::string_view name = term == nullptr ? "" : term;
  return isatty(STDERR_FILENO) == 1 && !name.empty() && name != "dumb";
}

}  // namespace gannet
