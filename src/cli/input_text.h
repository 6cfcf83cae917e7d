// Text that a user hands in as a file or on stdin: read, its encoding looked at, made a prompt.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace gannet {

inline constexpr size_t kMaxInputText = size_t{64} << 20;  // bytes; far more than any context holds

// The text in `bytes`: without a byte order mark of UTF-8. Text in UTF-16 or UTF-32, known by its byte order
// mark or by every second byte (three of four) being zero, is an Error (kUsage) that names `name` and the
// command that converts it. Everything else stays as it is: zero bytes here and there, line ends of any kind,
// ill-formed UTF-8.
Result<std::string> text_of(std::string bytes, const std::string& name);

// `text` without the line end (\n or \r\n) behind its last line, which editors and `echo` add.
std::string without_final_newline(std::string text);

// The text in a file, FIFO or - for stdin, whole; Ctrl-C ends the wait (cli/interrupt.h). Errors:
// read_input() with the limit above, text_of().
Result<std::string> read_text(const std::string& path);

// The same as a prompt: without its final line end.
Result<std::string> read_prompt_file(const std::string& path);

}  // namespace gannet
