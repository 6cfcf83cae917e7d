// The logits of one row, as a sampler gets them: all of them, or the likeliest and a way to all. On a device
// whose memory the host does not see the former are a few bytes, and the latter a megabyte.
#pragma once

#include <concepts>
#include <functional>
#include <span>

#include "base/result.h"
#include "sample/steps.h"

namespace gannet {

// The likeliest of a row, in order. NaN and +infinity come before all others.
struct TopLogits {
  std::span<const Candidate> first;
  bool all = false;  // all others are -infinity
};

class LogitsRow {
 public:
  // Errors: those of the device.
  using Read = std::function<Result<std::span<const float>>()>;

  template <class T>
  requires std::convertible_to<T, std::span<const float>> LogitsRow(const T& all) : all_(all) {}
  // `read` gives all of them, and may take its time.
  LogitsRow(const TopLogits& top, Read read) : top_(top), read_(std::move(read)) {}

  // Null: all are at hand.
  const TopLogits* top() const { return read_ ? &top_ : nullptr; }
  Result<std::span<const float>> all() const {
    if (read_) return read_();
    return all_;
  }

 private:
  std::span<const float> all_;
  TopLogits top_;
  Read read_;
};

}  // namespace gannet
