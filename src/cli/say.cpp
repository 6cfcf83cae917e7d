#include "cli/say.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/printable.h"

namespace gannet {
namespace {

Error stdout_error() {
  // errno is that of the write that failed, unless it was an earlier one.
  const char* why = errno == 0 ? "an earlier write failed" : std::strerror(errno);
  return {ErrorCode::kOutput, fmt::format("stdout cannot be written: {}", why)};
}

}  // namespace

Result<void> put_stdout(std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) return stdout_error();
  return {};
}

Result<void> flush_stdout() {
  errno = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) return stdout_error();
  return {};
}

void put_stderr(std::string_view text) {
  const std::string shown = visible(text);
  // Nobody could be told that this failed.
  [[maybe_unused]] const size_t written = std::fwrite(shown.data(), 1, shown.size(), stderr);
}

}  // namespace gannet
