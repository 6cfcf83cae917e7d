// Scratch memory of plans.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace gannet {

// Scratch memory shared by all plans of a session, grown to what the largest needs. Plans that share an arena
// must not run at the same time, and outputs live only until the next plan runs.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();
  // Errors: kOutOfMemory with the size.
  Result<void> reserve(int64_t bytes);
  std::byte* data() const { return data_; }
  int64_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace gannet
