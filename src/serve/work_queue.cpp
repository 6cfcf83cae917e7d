#include "serve/work_queue.h"

#include <new>
#include <utility>

namespace gannet {

WorkQueue::WorkQueue() : thread_([this] { run(); }) {}

WorkQueue::~WorkQueue() {
  stop();
}

void WorkQueue::stop() {
  std::queue<std::function<void()>> dropped;  // without the lock: it may be the last owner of much
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(work_);
  }
  arrived_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void WorkQueue::later(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  work_.push(std::move(work));
  arrived_.notify_one();
}

void WorkQueue::run() {
  while (true) {
    std::function<void()> work;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [&] { return stopping_ || !work_.empty(); });
      if (stopping_) return;
      work = std::move(work_.front());
      work_.pop();
    }
    try {
      work();
    } catch (const std::bad_alloc&) {
      // Its exchange is dropped: the client is told that the server failed.
    }
  }
}

}  // namespace gannet
