#include "cli/plain_reader.h"

#include <unistd.h>

#include <cstdio>

namespace gannet {
namespace {

constexpr char kEndKey = 0x04, kBackspace = 0x08, kEscape = 0x1b, kDelete = 0x7f;

// Removes the last character (UTF-8) of the line.
void erase_one(std::string& line) {
  while (!line.empty() && (static_cast<unsigned char>(line.back()) & 0xC0) == 0x80) line.pop_back();
  if (!line.empty()) line.pop_back();
}

size_t characters(const std::string& line) {
  size_t n = 0;
  for (const char byte : line) n += (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
  return n;
}

}  // namespace

PlainReader::PlainReader() : terminal_(/*paste_marks=*/false) {
  answering_ = terminal_.original();
  answering_.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  answering_.c_cc[VMIN] = 1;
  answering_.c_cc[VTIME] = 0;
  reading_ = answering_;
  reading_.c_lflag &= ~static_cast<tcflag_t>(ISIG | IEXTEN);
}

void PlainReader::show(std::string& text) const {
  // A terminal without echo has a program at its other end that shows what it sends.
  if ((terminal_.original().c_lflag & ECHO) != 0) {
    const int screen = isatty(STDERR_FILENO) == 1 ? STDERR_FILENO : STDIN_FILENO;
    for (size_t done = 0; done < text.size();) {
      const ssize_t n = write(screen, text.data() + done, text.size() - done);
      if (n <= 0) break;
      done += static_cast<size_t>(n);
    }
  }
  text.clear();
}

bool PlainReader::take(char key, std::string& line, std::string& shown) const {
  if (key == '\n' || key == '\r') {
    shown += "\n";
    return true;
  }
  if (key == kDelete || key == kBackspace || terminal_.is_key(key, VERASE)) {
    if (!line.empty()) shown += "\b \b";
    erase_one(line);
  } else if (terminal_.is_key(key, VKILL)) {
    for (size_t n = characters(line); n > 0; --n) shown += "\b \b";
    line.clear();
  } else if (static_cast<unsigned char>(key) >= 0x20 || key == '\t') {
    line += key;
    shown += key;
  } else if (key == kEscape) {
    shown += "^[";
    line += key;
  }
  return false;
}

Input PlainReader::read(const std::string& prompt, std::string& line) {
  line.clear();
  tcsetattr(STDIN_FILENO, TCSANOW, &reading_);
  terminal_.begin_reading();
  std::fputs(prompt.c_str(), stderr);
  std::fflush(stderr);
  std::string shown;
  Input input = Input::kLine;
  for (bool complete = false; !complete;) {
    if (terminal_.arrived().empty()) show(shown);
    char key = 0;
    const ChatTerminal::Event event = terminal_.next(key);
    const bool typed = event == ChatTerminal::Event::kByte;
    if (event == ChatTerminal::Event::kInterrupt || (typed && terminal_.is_key(key, VINTR))) {
      input = line.empty() ? Input::kInterrupt : Input::kCleared;
      shown += "^C\n";
      break;
    }
    if (event == ChatTerminal::Event::kEnd || (typed && key == kEndKey && line.empty())) {
      input = Input::kEnd;
      shown += "\n";
      break;
    }
    if (event == ChatTerminal::Event::kContinued) shown += prompt + line;
    if (typed && !terminal_.stop_key(key)) complete = take(key, line, shown);
  }
  show(shown);
  tcsetattr(STDIN_FILENO, TCSANOW, &answering_);
  terminal_.end_reading();
  return input;
}

}  // namespace gannet
