#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

#include "base/temporary_files.h"

namespace gannet {
namespace {

std::atomic<int> count{0};
static_assert(std::atomic<int>::is_always_lock_free);

void on_interrupt(int) {
  if (count.fetch_add(1) == 0) return;
  remove_temporary_files();
  _exit(130);
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

}  // namespace gannet
