#include "base/temporary_files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include <fmt/format.h>

namespace gannet {
namespace {

// A signal handler may only touch lock-free data, so names sit in a fixed table. A process that writes more
// files at once still works; a signal just leaves the surplus behind.
struct Slot {
  std::atomic<pid_t> owner{kFree};  // a child that was forked off does not remove its parent's files
  char path[4096];
  static constexpr pid_t kFree = 0, kFilling = -1;
};
static_assert(std::atomic<pid_t>::is_always_lock_free);
std::array<Slot, 16> slots;

int remember(const std::string& path) {
  if (path.size() >= sizeof(Slot::path)) return -1;
  for (size_t i = 0; i < slots.size(); ++i) {
    pid_t expected = Slot::kFree;
    if (!slots[i].owner.compare_exchange_strong(expected, Slot::kFilling)) continue;
    std::memcpy(slots[i].path, path.c_str(), path.size() + 1);
    slots[i].owner.store(getpid());
    return static_cast<int>(i);
  }
  return -1;
}

void forget(int slot) {
  if (slot >= 0) slots[static_cast<size_t>(slot)].owner.store(Slot::kFree);
}

void on_end(int signal_number) {
  remove_temporary_files();
  raise(signal_number);  // by SA_RESETHAND with its default action, as soon as this handler returns
}

void handle(int signal_number) {
  struct sigaction old = {};
  if (sigaction(signal_number, nullptr, &old) != 0) return;
  if ((old.sa_flags & SA_SIGINFO) != 0 || old.sa_handler != SIG_DFL) return;  // somebody else's, or ignored
  struct sigaction action = {};
  action.sa_handler = on_end;
  action.sa_flags = SA_RESETHAND;
  sigaction(signal_number, &action, nullptr);
}

// All signals whose default action ends the process.
void install_handlers() {
  static std::once_flag once;
  std::call_once(once, [] {
    for (int s : {SIGHUP,    SIGINT,  SIGQUIT, SIGILL,    SIGTRAP, SIGABRT, SIGBUS,
                  SIGFPE,    SIGUSR1, SIGSEGV, SIGUSR2,   SIGPIPE, SIGALRM, SIGTERM,
                  SIGSTKFLT, SIGXCPU, SIGPROF, SIGVTALRM, SIGIO,   SIGPWR,  SIGSYS})
      handle(s);
    for (int s = SIGRTMIN; s <= SIGRTMAX; ++s) handle(s);
    signal(SIGXFSZ, SIG_IGN);
    std::atexit([] { remove_temporary_files(); });
  });
}

}  // namespace

void remove_temporary_files() noexcept {
  for (Slot& slot : slots)
    if (slot.owner.load() == getpid()) unlink(slot.path);
}

Result<TemporaryFile> TemporaryFile::create(const std::string& folder, const std::string& name) {
  constexpr size_t kLongestName = 200;  // of 255 that file systems allow, with what is added
  constexpr int kTries = 100;
  install_handlers();
  for (int i = 0; i < kTries; ++i) {
    uint64_t number = 0;
    if (getrandom(&number, sizeof(number), 0) != sizeof(number)) break;
    std::string path = fmt::format("{}/{}.{:016x}.partial", folder, name.substr(0, kLongestName), number);
    // Remembered first: between the two steps a signal would leave the file.
    const int slot = remember(path);
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) return TemporaryFile(std::move(path), fd, slot);
    const int code = errno;
    forget(slot);
    if (code != EEXIST) return Error(ErrorCode::kOutput, std::strerror(code));
  }
  return Error(ErrorCode::kOutput, "no free name for a temporary file is found");
}

TemporaryFile::TemporaryFile(TemporaryFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      slot_(std::exchange(other.slot_, -1)) {}

TemporaryFile::~TemporaryFile() {
  if (fd_ < 0) return;
  close(fd_);
  unlink(path_.c_str());
  forget(slot_);
}

bool TemporaryFile::rename_to(const std::string& path) {
  if (rename(path_.c_str(), path.c_str()) != 0) return false;
  forget(std::exchange(slot_, -1));
  close(std::exchange(fd_, -1));
  return true;
}

}  // namespace gannet
