#include "base/thread_team.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <fstream>
#include <set>

#include <fmt/core.h>

namespace gannet {
namespace {

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Spinning covers the gap between two plans of a token loop (tens of microseconds); after that a helper
// sleeps so an idle program uses no CPU.
constexpr int kSpinsBeforeSleep = 20000;
// Inside a run members wait for each other. When the machine has fewer free cores than members, the one that
// is waited for may not be running, so waiting gives its core away from time to time.
constexpr int kSpinsBeforeYield = 500;

void bind_to_cpu(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

}  // namespace

void Worker::barrier() noexcept {
  wait_for_all(false);
}
void Worker::reset_claims() noexcept {
  wait_for_all(true);
}

void Worker::wait_for_all(bool reset) noexcept {
  if (team_ == nullptr) {
    if (reset) next_ = 0;
    return;
  }
  ThreadTeam& team = *team_;
  const uint32_t phase = team.phase_.load(std::memory_order_relaxed);
  if (count_ == 1 || team.arrived_.fetch_add(1, std::memory_order_acq_rel) == count_ - 1) {
    if (reset) team.next_.store(0, std::memory_order_relaxed);
    if (count_ == 1) return;
    team.arrived_.store(0, std::memory_order_relaxed);
    team.phase_.store(phase + 1, std::memory_order_release);
    return;
  }
  for (int spins = 0; team.phase_.load(std::memory_order_acquire) == phase; ++spins) {
    relax();
    if (spins >= kSpinsBeforeYield) {
      sched_yield();
      spins = 0;
    }
  }
}

bool Worker::claim(int64_t total, int64_t grain, int64_t& begin, int64_t& end) noexcept {
  if (team_ == nullptr) {
    begin = next_;
    next_ += grain;
  } else {
    begin = team_->next_.fetch_add(grain, std::memory_order_relaxed);
  }
  if (begin >= total) return false;
  end = std::min(begin + grain, total);
  return true;
}

ThreadTeam::ThreadTeam(int n_threads, std::vector<int> cpus)
    : n_threads_(std::max(1, n_threads)), cpus_(std::move(cpus)) {
  if (!cpus_.empty()) bind_to_cpu(cpus_[0]);
  for (int i = 1; i < n_threads_; ++i) helpers_.emplace_back([this, i] { member_loop(i); });
}

ThreadTeam::~ThreadTeam() {
  stop_.store(true, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

void ThreadTeam::run_erased(Erased work, void* context, int n) {
  active_ = n <= 0 || n > n_threads_ ? n_threads_ : n;
  work_ = work;
  context_ = context;
  next_.store(0, std::memory_order_relaxed);
  finished_.store(0, std::memory_order_relaxed);
  if (n_threads_ > 1) {
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
  }
  Worker self(this, 0, active_);
  work(context, self);
  for (int spins = 0; finished_.load(std::memory_order_acquire) != n_threads_ - 1; ++spins) {
    relax();
    if (spins >= kSpinsBeforeYield) {
      sched_yield();
      spins = 0;
    }
  }
}

void ThreadTeam::member_loop(int index) {
  if (!cpus_.empty()) bind_to_cpu(cpus_[static_cast<size_t>(index) % cpus_.size()]);
  uint32_t seen = 0;
  while (true) {
    for (int spins = 0; generation_.load(std::memory_order_acquire) == seen; ++spins) {
      relax();
      if (spins >= kSpinsBeforeSleep) {
        generation_.wait(seen, std::memory_order_acquire);
        spins = 0;
      }
    }
    ++seen;
    if (stop_.load(std::memory_order_relaxed)) return;
    if (index < active_) {
      Worker self(this, index, active_);
      work_(context_, self);
    }
    finished_.fetch_add(1, std::memory_order_release);
  }
}

Result<std::vector<int>> ThreadTeam::parse_cpu_mask(const std::string& mask) {
  std::string digits = mask;
  if (digits.starts_with("0x") || digits.starts_with("0X")) digits = digits.substr(2);
  std::vector<int> cpus;
  const int n = static_cast<int>(digits.size());
  for (int i = 0; i < n; ++i) {
    const char c = digits[static_cast<size_t>(n - 1 - i)];
    const int nibble = c >= '0' && c <= '9'   ? c - '0'
                       : c >= 'a' && c <= 'f' ? c - 'a' + 10
                       : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                              : -1;
    if (nibble < 0)
      return Error(
          ErrorCode::kUsage,
          fmt::format("CPU mask \"{}\" is not hexadecimal; write for example 0x3 for CPUs 0 and 1", mask));
    for (int bit = 0; bit < 4; ++bit)
      if (nibble & (1 << bit)) cpus.push_back(4 * i + bit);
  }
  if (cpus.empty()) return Error(ErrorCode::kUsage, fmt::format("CPU mask \"{}\" names no CPU", mask));
  const int limit = static_cast<int>(std::thread::hardware_concurrency());
  for (int cpu : cpus)
    if (cpu >= limit)
      return Error(ErrorCode::kUsage, fmt::format("CPU mask \"{}\" names CPU {}, this machine has 0 to {}",
                                                  mask, cpu, limit - 1));
  return cpus;
}

int ThreadTeam::physical_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  // Hyper-threads of one core share the same first sibling.
  std::set<std::string> cores;
  int n_cpus = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    ++n_cpus;
    std::ifstream in(fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu));
    std::string siblings;
    if (std::getline(in, siblings)) cores.insert(siblings);
  }
  return std::max(1, cores.empty() ? n_cpus : static_cast<int>(cores.size()));
}

}  // namespace gannet
