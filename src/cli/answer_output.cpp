#include "cli/answer_output.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "cli/interrupt.h"
#include "cli/say.h"

namespace gannet {

AnswerOutput::AnswerOutput() : terminal_(isatty(STDOUT_FILENO) == 1) {
  const char *no_color = std::getenv("NO_COLOR"), *term = std::getenv("TERM");
  styles_ = terminal_ && (no_color == nullptr || *no_color == 0) && term != nullptr &&
            std::string_view(term) != "dumb" && *term != 0;
}

void AnswerOutput::dim(bool on) {
  if (!styles_) return;
  put(filter_.flush());
  put(on ? "\x1b[2m" : "\x1b[22m");
}

bool AnswerOutput::write(std::string_view text) {
  written_ = written_ || !text.empty();
  const bool taken = terminal_ ? put(filter_.push(text)) : put(text);
  return taken && !interrupted();
}

Result<void> AnswerOutput::end() {
  if (terminal_) put(filter_.flush());
  if (written_) put("\n");
  return failure_ == 0 ? Result<void>() : stdout_error(failure_);
}

bool AnswerOutput::put(std::string_view bytes) {
  while (!bytes.empty() && failure_ == 0) {
    const ssize_t n = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EAGAIN) {
      pollfd out = {STDOUT_FILENO, POLLOUT, 0};
      poll(&out, 1, 100);
      if (interrupted()) return false;
    } else if (errno == EINTR) {
      if (interrupted()) return false;
    } else {
      failure_ = errno;
    }
  }
  return failure_ == 0;
}

}  // namespace gannet
