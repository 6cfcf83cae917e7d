// Scratch memory of plans.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/huge_pages.h"
#include "base/result.h"

namespace gannet {

// Scratch memory shared by all plans of a session, in huge pages where the system gives them, grown to what
// the largest plan needs. Plans that share an arena must not run at the same time, and outputs live only
// until the next plan runs.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  // Errors: kOutOfMemory with the size.
  Result<void> reserve(int64_t bytes);
  std::byte* data() const { return memory_.data(); }
  int64_t size() const { return size_; }

 private:
  HugeMemory memory_;
  int64_t size_ = 0;
};

}  // namespace gannet
