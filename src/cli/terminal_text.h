// Text that others made, fit for a terminal: characters that would move the cursor, change colours, set
// titles or turn the reading direction are shown instead of obeyed.
#pragma once

#include <string>
#include <string_view>

namespace gannet {

// For text that comes in pieces, which may cut a character anywhere. Kept are line feed, tab, carriage return
// in front of a line feed, and everything printable. Other control characters (C0, DEL, C1) and direction
// overrides and isolates appear as \u{1b}, bytes that are no UTF-8 as \x9b.
class TerminalText {
 public:
  // What can be printed now; the start of an unfinished character waits for the next piece.
  std::string push(std::string_view piece);
  // The rest, when no more comes.
  std::string flush();

 private:
  std::string take(bool all);
  std::string waiting_;
};

}  // namespace gannet
