#include "backend/api/recorder.h"

#include <cstring>
#include <limits>

#include "base/check.h"

namespace gannet {

KernelInfo kernel_info(const RecordedKernel& kernel) {
  KernelInfo info;
  info.op = kernel.op;
  info.name = kernel.name;
  info.device = kernel.device;
  info.priority = kernel.priority;
  info.refuses = kernel.refuses;
  info.workspace = kernel.workspace;
  info.tail = &kernel;
  return info;
}

DispatchArguments& DispatchArguments::u32(int64_t value) {
  GANNET_CHECK(value >= 0 && value <= std::numeric_limits<uint32_t>::max(), "an argument that does not fit");
  return put(static_cast<uint32_t>(value));
}

DispatchArguments& DispatchArguments::append(const std::byte* value, size_t n) {
  size_ = (size_ + n - 1) / n * n;
  GANNET_CHECK(size_ + n <= raw_.size(), "too many arguments");
  std::memcpy(raw_.data() + size_, value, n);
  size_ += n;
  return *this;
}

}  // namespace gannet
