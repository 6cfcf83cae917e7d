#include "backend/testing/guarded_device.h"

#include <sys/mman.h>

#include <cstring>

namespace gannet {
namespace {

constexpr int64_t kPage = 4096;

void protect(std::byte* buffer, size_t bytes, bool open) {
  GANNET_CHECK(mprotect(buffer, bytes, open ? PROT_READ | PROT_WRITE : PROT_NONE) == 0);
}

}  // namespace

GuardedDevice::~GuardedDevice() {
  for (const auto& [buffer, bytes] : buffers_) munmap(buffer, bytes);
}

const char* GuardedDevice::refuses(const char* op, const OpSite& site) const {
  if (options_.refused_ops.contains(op)) return "the test device has no such op";
  const auto refused = [&](const TensorType* types, int n) {
    for (int i = 0; i < n; ++i)
      if (types[i].shape.rank > 0 && options_.refused_types.contains(types[i].dtype)) return true;
    return false;
  };
  if (refused(site.operands, site.n_operands) || refused(site.results, site.n_results))
    return "the test device has no such type";
  return nullptr;
}

void GuardedDevice::begin_kernels() {
  const std::lock_guard lock(mutex_);
  if (opened_++ == 0)
    for (const auto& [buffer, bytes] : buffers_) protect(buffer, bytes, true);
}

void GuardedDevice::end_kernels() {
  const std::lock_guard lock(mutex_);
  if (--opened_ == 0)
    for (const auto& [buffer, bytes] : buffers_) protect(buffer, bytes, false);
}

std::byte* GuardedDevice::make_buffer(int64_t bytes, BufferUse) {
  const auto rounded = static_cast<size_t>((bytes + kPage - 1) / kPage * kPage);
  const std::lock_guard lock(mutex_);
  const int rights = opened_ > 0 ? PROT_READ | PROT_WRITE : PROT_NONE;
  void* memory = mmap(nullptr, rounded, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  buffers_[static_cast<std::byte*>(memory)] = rounded;
  return static_cast<std::byte*>(memory);
}

void GuardedDevice::drop_buffer(std::byte* address, int64_t) {
  const std::lock_guard lock(mutex_);
  const auto it = buffers_.find(address);
  munmap(it->first, it->second);
  buffers_.erase(it);
}

Result<std::byte*> GuardedDevice::take_host(std::span<const std::byte>) {
  return Error(ErrorCode::kDevice, "the test device takes no host memory");
}

Result<void> GuardedDevice::health() const {
  if (lost_) return Error(ErrorCode::kDevice, "the test device is lost");
  return {};
}

Result<Event> GuardedDevice::write(std::byte* to, std::span<const std::byte> from) {
  GANNET_TRY(health());
  begin_kernels();
  std::memcpy(to, from.data(), from.size());
  end_kernels();
  const std::lock_guard lock(mutex_);
  uploaded_ += static_cast<int64_t>(from.size());
  return Event{};
}

Result<Event> GuardedDevice::read(const std::byte* from, std::span<std::byte> to) {
  GANNET_TRY(health());
  begin_kernels();
  std::memcpy(to.data(), from, to.size());
  end_kernels();
  const std::lock_guard lock(mutex_);
  downloaded_ += static_cast<int64_t>(to.size());
  return Event{};
}

Result<Event> GuardedDevice::move(const std::byte* from, std::byte* to, int64_t bytes) {
  GANNET_TRY(health());
  begin_kernels();
  std::memmove(to, from, static_cast<size_t>(bytes));
  end_kernels();
  return Event{};
}

Result<Event> GuardedDevice::clear(std::byte* at, int64_t bytes) {
  GANNET_TRY(health());
  begin_kernels();
  std::memset(at, 0, static_cast<size_t>(bytes));
  end_kernels();
  return Event{};
}

}  // namespace gannet
