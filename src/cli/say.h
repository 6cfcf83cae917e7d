// The two ways out of the program: data to stdout, where a failed write is an error, and notes to stderr. A
// stderr that cannot be written (closed, a full disk) must not end the work, so nothing here fails; text from
// files and requests cannot reach a terminal raw.
#pragma once

#include <string_view>

#include <fmt/format.h>

#include "base/result.h"

namespace gannet {

// Writes `text` to stdout, as it is unless that is a terminal: there control characters are shown. Errors:
// kOutput with the system's reason (a full disk, a reader that is gone).
Result<void> put_stdout(std::string_view text);
template <class... Args>
Result<void> print(fmt::format_string<Args...> format, Args&&... args) {
  return put_stdout(fmt::format(format, std::forward<Args>(args)...));
}
// Everything that was written to stdout has arrived. Errors: as above, also for what was written by other
// means.
Result<void> flush_stdout();
// The error of a stdout that takes no more, for who writes to it by other means. `code`: errno, 0: not known.
// Without a message when the reader is gone.
Error stdout_error(int code);

// Writes `text` to stderr as it is but for control characters, which are shown.
void put_stderr(std::string_view text);
// Whether stderr is a terminal that can move its cursor and erase (TERM names one, not "dumb").
bool stderr_is_screen();

// One line: "gannet: ", the text, a newline. A line break in the text (of a file name, say) does not begin
// another.
void put_note(std::string_view text);
template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  put_note(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace gannet
