// Lines from a terminal that cannot move its cursor (TERM=dumb), or without one to write to: backspace,
// Ctrl-U and Ctrl-D work, nothing else.
#pragma once

#include <string_view>

#include "cli/chat_terminal.h"
#include "cli/line_reader.h"

namespace gannet {

class PlainReader : public LineReader {
 public:
  PlainReader();

  Input read(const std::string& prompt, std::string& line) override;
  void remember(const std::string&) override {}

 private:
  // Takes a key into `line`; what the terminal shows for it is added to `shown`. True: the line is complete.
  bool take(char key, std::string& line, std::string& shown) const;
  void show(std::string& text) const;

  ChatTerminal terminal_;
  termios reading_, answering_;
};

}  // namespace gannet
