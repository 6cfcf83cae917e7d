// A persistent team of threads that runs one function at a time on all members, with a barrier between
// phases. It knows nothing about what it runs. The calling thread is member 0; helpers spin briefly between
// calls and sleep when no work comes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"

namespace gannet {

class ThreadTeam;

// What a member sees while the team runs. Passed by reference to kernels; all methods are thread-safe and
// noexcept.
class Worker {
 public:
  int index() const { return index_; }  // 0 .. count()-1
  int count() const { return count_; }

  // Waits until every member of this run has arrived.
  void barrier() noexcept;

  // Hands out [0, total) in pieces of at most `grain`, first come first served, each piece exactly once
  // across the team. Returns false when nothing is left. Every member must ask until it gets false before
  // reset_claims().
  bool claim(int64_t total, int64_t grain, int64_t& begin, int64_t& end) noexcept;

  // A barrier after which claim() starts from 0 again.
  void reset_claims() noexcept;

  // A team of one: what it runs is done completely by the caller, with nobody to wait for.
  static Worker alone() { return Worker(nullptr, 0, 1); }

  // This member's static share of [0, total), in multiples of `grain`.
  void share(int64_t total, int64_t grain, int64_t& begin, int64_t& end) const noexcept {
    const int64_t pieces = (total + grain - 1) / grain;
    begin = pieces * index_ / count_ * grain;
    end = pieces * (index_ + 1) / count_ * grain;
    if (begin > total) begin = total;
    if (end > total) end = total;
  }

 private:
  friend class ThreadTeam;
  void wait_for_all(bool reset) noexcept;
  Worker(ThreadTeam* team, int index, int count) : team_(team), index_(index), count_(count) {}
  ThreadTeam* team_;  // null: alone
  int index_;
  int count_;
  int64_t next_ = 0;  // of claim(), when alone
};

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
