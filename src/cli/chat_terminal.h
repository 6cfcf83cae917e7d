// The terminal on stdin while a chat runs. It is taken out of the mode in which the system collects lines
// (those end at 4095 bytes), and is given back as it was at the end, when a signal ends the program, and for
// as long as the program is stopped (Ctrl-Z).
#pragma once

#include <termios.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace gannet {

// One exists at a time.
class ChatTerminal {
 public:
  // Remembers the mode of the terminal and catches the signals that concern it. `paste_marks`: the terminal
  // understands the sequences that switch on marks around pasted text (bracketed paste).
  explicit ChatTerminal(bool paste_marks);
  ~ChatTerminal();
  ChatTerminal(const ChatTerminal&) = delete;
  ChatTerminal& operator=(const ChatTerminal&) = delete;

  const termios& original() const;
  // Whether a byte is the key that the user's settings name, index as in termios::c_cc.
  bool is_key(char byte, int index) const;
  // Acts on the keys that stop or end a whole pipeline in the mode that shells use (Ctrl-Z, Ctrl-\). True: it
  // was one.
  bool stop_key(char byte) const;
  // Around the reading of a message, when the mode is the one wanted there: marks around pastes are on only
  // then, and interrupts are keys.
  void begin_reading();
  void end_reading();

  enum class Event {
    kByte,
    kInterrupt,  // SIGINT
    kResized,    // the window
    kContinued,  // after a stop: what was shown of the line is gone
    kEnd,        // end of input, or the terminal is gone
  };
  // The next byte or whatever else happens first.
  Event next(char& byte);
  // Bytes that have arrived, without waiting. Valid until the next call of anything.
  std::string_view arrived() const { return std::string_view(buffer_).substr(at_); }
  void skip(size_t bytes) { at_ += bytes; }
  // Waits until bytes are added to arrived(). False: none within this time.
  bool more_within(int milliseconds);

 private:
  bool fill();  // false: end of input
  std::string buffer_;
  size_t at_ = 0;
};

}  // namespace gannet
