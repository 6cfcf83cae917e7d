// A persistent team of threads that runs one function at a time on all members, with a barrier between
// phases. It knows nothing about what it runs. The calling thread is member 0; helpers spin briefly between
// calls and sleep when no work comes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/worker.h"

namespace gannet {

class ThreadTeam {
 public:
  // `n_threads` >= 1 members in total, fewer where the system gives no more threads: size() tells. `cpus`
  // binds member i to cpus[i % size]; empty leaves placement to the system.
  explicit ThreadTeam(int n_threads, std::vector<int> cpus = {});
  // A team of exactly so many, for who measures or promises a number. Errors: kOutOfMemory with both numbers.
  static Result<std::unique_ptr<ThreadTeam>> create(int n_threads, std::vector<int> cpus = {});
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const { return n_threads_; }

  // Runs `work(worker)` on members 0 .. n-1 (n = 0 or more than size(): all) and returns when all are done.
  // `work` must not throw. Not reentrant; one caller at a time.
  template <class F>
  void run(F&& work, int n = 0) {
    auto* f = &work;
    run_erased([](void* context, Worker& worker) { (*static_cast<decltype(f)>(context))(worker); }, f, n);
  }

  // Parses a hexadecimal CPU mask ("0x3", "f0") as `-C` takes it into CPU numbers. Errors: kUsage.
  static Result<std::vector<int>> parse_cpu_mask(const std::string& mask);

  // Number of physical cores this process may use, by its affinity and by the time that its control groups
  // leave it. `root` stands in front of /proc and /sys, for tests.
  static int physical_cores(const std::string& root = "");
  // As many members as do good by themselves: one per core, no more than the processors they are bound to
  // (`cpus`; empty: all).
  static int default_threads(const std::vector<int>& cpus);
  // Twice the logical processors this process may use: more members than that only wait for each other.
  static int most_threads();

 private:
  friend class Worker;
  using Erased = void (*)(void*, Worker&);
  void run_erased(Erased work, void* context, int n);
  void member_loop(int index);

  int n_threads_;  // settled by the constructor
  const std::vector<int> cpus_;
  std::vector<std::thread> helpers_;

  Erased work_ = nullptr;
  void* context_ = nullptr;
  int active_ = 0;
  alignas(64) std::atomic<uint32_t> generation_{0};
  alignas(64) std::atomic<int> finished_{0};
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<uint32_t> phase_{0};
  alignas(64) std::atomic<int64_t> next_{0};
  std::atomic<bool> stop_{false};
};

}  // namespace gannet
