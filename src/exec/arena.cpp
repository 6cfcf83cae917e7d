#include "exec/arena.h"

#include <fmt/core.h>

namespace gannet {

Result<void> Arena::reserve(int64_t bytes) {
  if (bytes <= size_) return {};
  const int64_t rounded = to_huge_pages(bytes);
  HugeMemory fresh(rounded);
  if (fresh.data() == nullptr)
    return Error(ErrorCode::kOutOfMemory,
                 fmt::format("no memory for activations ({} bytes); lower --ubatch-size", rounded));
  memory_ = std::move(fresh);
  size_ = rounded;
  return {};
}

}  // namespace gannet
