// Work that takes a while, one after the other on a thread of its own.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <queue>
#include <thread>

namespace gannet {

// Thread-safe.
class WorkQueue {
 public:
  WorkQueue();
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  // Whoever is short of memory is dropped in the middle of it.
  void later(std::function<void()> work);
  // Finishes what is going on; what waits is dropped, and what comes later too.
  void stop();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::queue<std::function<void()>> work_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace gannet
