// What one rendering may use: steps of work, and memory held by values. Both come from the template's author
// and from whoever fills the variables, so both end in an error with a sentence, never in a hang or a dead
// process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "base/result.h"

namespace gannet::jinja {

inline Error fault(std::string message) {
  return {ErrorCode::kRuntime, std::move(message)};
}

// Bytes held by the values of one rendering.
class MemoryMeter {
 public:
  // `what` would grow too large, in the sentence of refusal(): "the values of the template".
  MemoryMeter(const char* what, size_t limit) : what_(what), left_(limit), limit_(limit) {}
  size_t left() const { return left_; }
  Error refusal() const;

 private:
  friend class MemoryCharge;
  const char* what_;
  size_t left_, limit_;
};

// The share of one value, given back when the value goes. Values made outside a rendering have none.
class MemoryCharge {
 public:
  MemoryCharge() = default;
  // Adds `bytes` to the share; false if the meter has not as many left, and then nothing is added.
  bool grow(MemoryMeter* meter, size_t bytes) {
    if (bytes > meter->left_) return false;
    meter_ = meter;
    meter->left_ -= bytes;
    bytes_ += bytes;
    return true;
  }
  MemoryCharge(MemoryCharge&& other) noexcept
      : meter_(std::exchange(other.meter_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryCharge& operator=(MemoryCharge&& other) noexcept {
    std::swap(meter_, other.meter_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  size_t bytes() const { return bytes_; }
  ~MemoryCharge() {
    if (meter_ != nullptr) meter_->left_ += bytes_;
  }

 private:
  MemoryMeter* meter_ = nullptr;
  size_t bytes_ = 0;
};

class Budget {
 public:
  Budget(uint64_t steps, size_t memory)
      : memory_("the values of the template", memory), steps_(steps), steps_limit_(steps) {}

  MemoryMeter& memory() { return memory_; }
  Result<void> step(uint64_t units = 1) {
    if (units > steps_) return out_of_steps();
    steps_ -= units;
    return {};
  }
  // Work that goes over so many bytes.
  Result<void> touch(size_t bytes) { return step(1 + bytes / 32); }

 private:
  Error out_of_steps();

  MemoryMeter memory_;
  uint64_t steps_, steps_limit_;
};

}  // namespace gannet::jinja
