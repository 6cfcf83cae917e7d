#include "exec/arena.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/huge_pages.h"

namespace gannet {

Result<void> Arena::reserve(int64_t bytes) {
  // Never nothing: places in it are asked for even by plans that need none.
  bytes = std::max<int64_t>(bytes, 1);
  if (bytes <= size_) return {};
  const int64_t rounded = to_huge_pages(bytes);
  auto fresh = DeviceBuffer::allocate(device_, rounded);
  if (!fresh.ok())
    return Error(ErrorCode::kOutOfMemory,
                 fmt::format("no memory for activations ({} bytes); lower --ubatch-size", rounded));
  memory_ = fresh.take();
  size_ = rounded;
  return {};
}

}  // namespace gannet
