// A member of a team of threads, as the code that the team runs sees it. Light: files compiled for wide
// instruction sets include it, and must not get at threads or containers with it (see backend/cpu/isa.h).
#pragma once

#include <cstdint>

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

}  // namespace gannet
