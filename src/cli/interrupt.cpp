#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "base/temporary_files.h"

namespace gannet {
namespace {

using Hook = void (*)();
std::atomic<int> count{0};
std::atomic<bool> only_counted{false};
std::atomic<Hook> arrived_hook{nullptr}, exit_hook{nullptr};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<Hook>::is_always_lock_free);

void on_interrupt(int) {
  const int saved_errno = errno;
  if (count.fetch_add(1) >= 1 && !only_counted) {
    if (const Hook hook = exit_hook) hook();
    remove_temporary_files();
    _exit(130);
  }
  if (const Hook hook = arrived_hook) hook();
  errno = saved_errno;
}

}  // namespace

void catch_interrupts() {
  struct sigaction action = {};
  action.sa_handler = on_interrupt;  // without SA_RESTART, so that a waiting read returns
  sigaction(SIGINT, &action, nullptr);
}

bool interrupted() {
  return count.load() > 0;
}
void clear_interrupt() {
  count.store(0);
}
Error stopped_measuring() {
  return {ErrorCode::kInterrupted, "stopped while measuring"};
}
void hook_interrupts(void (*arrived)(), void (*before_exit)()) {
  arrived_hook = arrived;
  exit_hook = before_exit;
}
void interrupts_are_keys(bool on) {
  only_counted = on;
}

}  // namespace gannet
