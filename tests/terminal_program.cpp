#include "terminal_program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>

namespace gannet {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kLimit = std::chrono::seconds(120);

}  // namespace

TerminalProgram::TerminalProgram(const std::vector<std::string>& command,
                                 const std::map<std::string, std::string>& variables,
                                 const std::string& out) {
  winsize size = {24, 80, 0, 0};
  pid_ = forkpty(&terminal_, nullptr, nullptr, &size);
  if (pid_ == 0) {
    for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
    if (!out.empty()) dup2(open(out.c_str(), O_WRONLY | O_CREAT, 0600), STDOUT_FILENO);
    std::vector<char*> argv;
    for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  fcntl(terminal_, F_SETFL, O_NONBLOCK);
}

TerminalProgram::~TerminalProgram() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(terminal_);
}

bool TerminalProgram::read_some(int milliseconds) {
  pollfd source = {terminal_, POLLIN, 0};
  if (poll(&source, 1, milliseconds) <= 0) return true;
  char block[1 << 16];
  const ssize_t n = read(terminal_, block, sizeof block);
  if (n > 0) seen_.append(block, static_cast<size_t>(n));
  return n > 0 || (n < 0 && errno == EAGAIN);
}

void TerminalProgram::send(std::string_view bytes) {
  const auto end = Clock::now() + kLimit;
  while (!bytes.empty() && Clock::now() < end) {
    const ssize_t n = write(terminal_, bytes.data(), bytes.size());
    if (n > 0) bytes.remove_prefix(static_cast<size_t>(n));
    if (!read_some(n > 0 ? 0 : 5)) break;
  }
  EXPECT_TRUE(bytes.empty()) << bytes.size() << " bytes were not taken; seen:\n" << seen_.substr(at_);
}

std::string TerminalProgram::wait_for(std::string_view text) {
  const auto end = Clock::now() + kLimit;
  bool open = true;
  while (true) {
    const size_t found = seen_.find(text, at_);
    if (found != std::string::npos) {
      const std::string between = seen_.substr(at_, found - at_);
      at_ = found + text.size();
      return between;
    }
    if (!open || Clock::now() > end) break;
    open = read_some(100);
  }
  ADD_FAILURE() << "\"" << text << "\" did not appear; seen:\n" << seen_.substr(at_);
  return {};
}

int TerminalProgram::wait_for_end() {
  const auto end = Clock::now() + kLimit;
  int status = 0;
  while (waitpid(pid_, &status, WNOHANG) == 0) {
    if (Clock::now() > end) {
      ADD_FAILURE() << "the program does not end; seen:\n" << seen_.substr(at_);
      return -1;
    }
    read_some(5);
  }
  pid_ = -1;
  while (read_some(0)) {
    pollfd source = {terminal_, POLLIN, 0};
    if (poll(&source, 1, 0) == 0) break;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void TerminalProgram::signal(int number) const {
  kill(pid_, number);
}

void TerminalProgram::resize(int rows, int columns) const {
  winsize size = {static_cast<unsigned short>(rows), static_cast<unsigned short>(columns), 0, 0};
  ioctl(terminal_, TIOCSWINSZ, &size);
}

bool TerminalProgram::in_line_mode() const {
  termios mode = {};
  tcgetattr(terminal_, &mode);
  return (mode.c_lflag & ICANON) != 0 && (mode.c_lflag & ECHO) != 0 && (mode.c_lflag & ISIG) != 0;
}

}  // namespace gannet
