// stdout as the place of answers: text appears as it comes, control characters in it are shown and not obeyed
// when stdout is a terminal, and an output that takes no more is noticed.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/terminal_text.h"

namespace gannet {

class AnswerOutput {
 public:
  AnswerOutput();

  // False: nothing more is wanted, because stdout failed or the user interrupted.
  bool write(std::string_view text);
  bool terminal() const { return terminal_; }
  // Text between dim(true) and dim(false) is dimmed where the terminal can (not with NO_COLOR or TERM=dumb).
  void dim(bool on);
  // Ends the line of the answer, if there is one. Errors: kOutput when some of it could not be written.
  Result<void> end();

 private:
  bool put(std::string_view bytes);

  bool terminal_, styles_;
  TerminalText filter_;
  bool written_ = false;
  int failure_ = 0;  // errno
};

}  // namespace gannet
