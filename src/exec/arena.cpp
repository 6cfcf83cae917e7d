#include "exec/arena.h"

#include <sys/mman.h>

#include <cstdlib>

#include <fmt/format.h>

namespace gannet {

Arena::~Arena() {
  std::free(data_);
}

Result<void> Arena::reserve(int64_t bytes) {
  if (bytes <= size_) return {};
  constexpr int64_t kHugePage = 2 << 20;
  const int64_t rounded = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  auto* fresh = static_cast<std::byte*>(std::aligned_alloc(kHugePage, static_cast<size_t>(rounded)));
  if (fresh == nullptr)
    return Error(ErrorCode::kOutOfMemory,
                 fmt::format("no memory for activations ({} bytes); lower --ubatch-size", rounded));
  madvise(fresh, static_cast<size_t>(rounded), MADV_HUGEPAGE);
  std::free(data_);
  data_ = fresh;
  size_ = rounded;
  return {};
}

}  // namespace gannet
