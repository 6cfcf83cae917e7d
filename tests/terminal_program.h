// The program at a pseudo-terminal, as a user drives it. Everything waits for what must appear, up to a long
// limit; nothing sleeps a fixed time.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gannet {

class TerminalProgram {
 public:
  // Starts COMMAND (argv) with stdin, stdout and stderr at a terminal of 24 x 80; `variables` on top of the
  // environment. `out`: a file for stdout instead.
  TerminalProgram(const std::vector<std::string>& command,
                  const std::map<std::string, std::string>& variables, const std::string& out = "");
  ~TerminalProgram();  // kills what still runs
  TerminalProgram(const TerminalProgram&) = delete;
  TerminalProgram& operator=(const TerminalProgram&) = delete;

  void send(std::string_view bytes);
  // Waits until `text` has appeared behind what was waited for before, and returns what came in between. A
  // failure of the test when it does not come.
  std::string wait_for(std::string_view text);
  // Waits for the end: exit code, or 128 + signal.
  int wait_for_end();
  void signal(int number) const;
  void resize(int rows, int columns) const;
  // Whether the terminal is in the mode of a shell: it collects lines and shows what is typed.
  bool in_line_mode() const;
  // All that appeared.
  const std::string& seen() const { return seen_; }

 private:
  bool read_some(int milliseconds);  // false: the program closed the terminal
  int terminal_ = -1;
  pid_t pid_ = -1;
  std::string seen_;
  size_t at_ = 0;
};

}  // namespace gannet
