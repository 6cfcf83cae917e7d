#include "cli/chat_terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <string_view>

#include "base/check.h"
#include "base/temporary_files.h"
#include "cli/interrupt.h"

namespace gannet {
namespace {

// Signal handlers need all of this; they call only what POSIX allows there.
struct Shared {
  std::atomic<bool> taken{false};
  std::atomic<bool> marks_on{false}, resized{false}, continued{false};
  bool paste_marks = false;
  int screen = STDERR_FILENO;
  int wake_read = -1, wake_write = -1;  // a byte per signal, so that poll() returns whichever thread got it
  termios original{}, current{};
};
Shared shared;
static_assert(std::atomic<bool>::is_always_lock_free);

constexpr std::array kEnding = {SIGTERM,   SIGHUP,  SIGQUIT, SIGABRT, SIGSEGV, SIGBUS,  SIGFPE,
                                SIGILL,    SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU, SIGPROF, SIGVTALRM,
                                SIGSTKFLT, SIGTRAP, SIGIO,   SIGPWR,  SIGSYS};
struct sigaction before_ending[kEnding.size()], before_stop, before_continue, before_resize;

void put(std::string_view text) {
  [[maybe_unused]] const ssize_t n = write(shared.screen, text.data(), text.size());
}

void wake() {
  const char byte = 0;
  [[maybe_unused]] const ssize_t n = write(shared.wake_write, &byte, 1);
}

void give_back() {
  if (shared.marks_on) put("\x1b[?2004l");
  tcsetattr(STDIN_FILENO, TCSANOW, &shared.original);
}

void take_again() {
  if (tcgetpgrp(STDIN_FILENO) != getpgrp()) return;  // continued in the background: not ours
  tcsetattr(STDIN_FILENO, TCSANOW, &shared.current);
  if (shared.marks_on) put("\x1b[?2004h");
  shared.continued = true;
  wake();
}

void on_ending(int number, siginfo_t* info, void* context) {
  give_back();
  remove_temporary_files();  // the action before may be the default, which does not
  for (size_t i = 0; i < kEnding.size(); ++i) {
    if (kEnding[i] != number) continue;
    const struct sigaction& before = before_ending[i];
    sigaction(number, &before, nullptr);
    // It wants to know more than raise() can tell: which address a fault is about (base/mapped_file.h).
    if ((before.sa_flags & SA_SIGINFO) != 0) return before.sa_sigaction(number, info, context);
  }
  raise(number);  // is delivered when this handler returns
}

void on_stop(int, siginfo_t*, void*) {
  const int saved_errno = errno;
  give_back();
  struct sigaction ours;
  sigaction(SIGTSTP, &before_stop, &ours);
  sigset_t stop, before;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTSTP);
  raise(SIGTSTP);
  pthread_sigmask(SIG_UNBLOCK, &stop, &before);  // stops here
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  sigaction(SIGTSTP, &ours, nullptr);
  take_again();  // the stop may have been ignored, then no SIGCONT comes
  errno = saved_errno;
}

void on_continue(int, siginfo_t*, void*) {
  const int saved_errno = errno;
  take_again();
  errno = saved_errno;
}

void on_resize(int, siginfo_t*, void*) {
  const int saved_errno = errno;
  shared.resized = true;
  wake();
  errno = saved_errno;
}

void install(int number, void (*handler)(int, siginfo_t*, void*), struct sigaction* before) {
  sigaction(number, nullptr, before);
  if ((before->sa_flags & SA_SIGINFO) == 0 && before->sa_handler == SIG_IGN) return;  // nohup
  struct sigaction action = {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_RESTART | SA_SIGINFO;
  sigaction(number, &action, nullptr);
}

}  // namespace

ChatTerminal::ChatTerminal(bool paste_marks) {
  GANNET_CHECK(!shared.taken.exchange(true));
  int ends[2] = {-1, -1};
  // Without a pipe a signal is noticed at the next key.
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) ends[0] = ends[1] = -1;
  shared.wake_read = ends[0];
  shared.wake_write = ends[1];
  shared.paste_marks = paste_marks;
  shared.screen = isatty(STDERR_FILENO) == 1 ? STDERR_FILENO : STDIN_FILENO;
  tcgetattr(STDIN_FILENO, &shared.original);
  shared.current = shared.original;
  for (size_t i = 0; i < kEnding.size(); ++i) install(kEnding[i], on_ending, &before_ending[i]);
  install(SIGTSTP, on_stop, &before_stop);
  install(SIGCONT, on_continue, &before_continue);
  install(SIGWINCH, on_resize, &before_resize);
  hook_interrupts(wake, give_back);
}

ChatTerminal::~ChatTerminal() {
  end_reading();
  give_back();
  hook_interrupts(nullptr, nullptr);
  for (size_t i = 0; i < kEnding.size(); ++i) sigaction(kEnding[i], &before_ending[i], nullptr);
  sigaction(SIGTSTP, &before_stop, nullptr);
  sigaction(SIGCONT, &before_continue, nullptr);
  sigaction(SIGWINCH, &before_resize, nullptr);
  close(shared.wake_read);
  close(shared.wake_write);
  shared.wake_read = shared.wake_write = -1;
  shared.taken = false;
}

const termios& ChatTerminal::original() const {
  return shared.original;
}

bool ChatTerminal::is_key(char byte, int index) const {
  const cc_t key = shared.original.c_cc[index];
  return key != 0 && byte == static_cast<char>(key);
}

bool ChatTerminal::stop_key(char byte) const {
  if (is_key(byte, VQUIT)) kill(0, SIGQUIT);
  if (is_key(byte, VSUSP)) kill(0, SIGTSTP);
  return is_key(byte, VQUIT) || is_key(byte, VSUSP);
}

void ChatTerminal::begin_reading() {
  tcgetattr(STDIN_FILENO, &shared.current);
  interrupts_are_keys(true);
  if (!shared.paste_marks || shared.marks_on) return;
  shared.marks_on = true;
  put("\x1b[?2004h");
}

void ChatTerminal::end_reading() {
  if (shared.marks_on) put("\x1b[?2004l");
  shared.marks_on = false;
  interrupts_are_keys(false);
  tcgetattr(STDIN_FILENO, &shared.current);
}

bool ChatTerminal::fill() {
  if (at_ == buffer_.size()) {
    buffer_.clear();
    at_ = 0;
  }
  char block[1 << 14];
  const ssize_t n = read(STDIN_FILENO, block, sizeof block);
  if (n > 0) buffer_.append(block, static_cast<size_t>(n));
  return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

ChatTerminal::Event ChatTerminal::next(char& byte) {
  while (true) {
    if (at_ < buffer_.size()) {
      byte = buffer_[at_++];
      return Event::kByte;
    }
    if (interrupted()) {
      clear_interrupt();
      return Event::kInterrupt;
    }
    if (shared.continued.exchange(false)) return Event::kContinued;
    if (shared.resized.exchange(false)) return Event::kResized;
    pollfd sources[2] = {{STDIN_FILENO, POLLIN, 0}, {shared.wake_read, POLLIN, 0}};
    if (poll(sources, 2, -1) < 0) continue;
    char drained[64];
    if (sources[1].revents != 0)
      while (read(shared.wake_read, drained, sizeof drained) > 0) {
      }
    if (sources[0].revents != 0 && !fill()) return Event::kEnd;
  }
}

bool ChatTerminal::more_within(int milliseconds) {
  const size_t before = arrived().size();
  pollfd source = {STDIN_FILENO, POLLIN, 0};
  if (poll(&source, 1, milliseconds) > 0) fill();
  return arrived().size() > before;
}

}  // namespace gannet
