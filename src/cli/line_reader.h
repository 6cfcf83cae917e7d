// Lines that a user types at the terminal, of any length. Two implementations: with an editor and history
// (line_editor.h), and a plain one for terminals that cannot move their cursor (plain_reader.h).
#pragma once

#include <string>

namespace gannet {

enum class Input {
  kLine,
  kCleared,    // Ctrl-C with something typed: that is forgotten
  kInterrupt,  // Ctrl-C with nothing typed
  kEnd,        // Ctrl-D with nothing typed, or the terminal is gone
};

class LineReader {
 public:
  virtual ~LineReader() = default;
  // Shows `prompt` (ASCII) on the terminal and waits. `line` has no line end, but line ends inside where text
  // was pasted. The mode of the terminal afterwards: input is kept for the next read and not shown, Ctrl-C is
  // a signal.
  virtual Input read(const std::string& prompt, std::string& line) = 0;
  // Puts a message into the history, if there is one.
  virtual void remember(const std::string& message) = 0;
};

}  // namespace gannet
