#include "backend/cpu/cpu_device.h"

#include <cstring>

#include "backend/cpu/capabilities.h"
#include "base/memory_room.h"

namespace gannet {

const Capabilities& CpuDevice::capabilities() const {
  return kCpuCapabilities;
}

std::byte* CpuDevice::make_buffer(int64_t bytes, BufferUse) {
  HugeMemory memory(bytes);
  std::byte* data = memory.data();
  if (data == nullptr) return nullptr;
  const std::lock_guard lock(mutex_);
  memory_.emplace(data, std::move(memory));
  return data;
}

void CpuDevice::drop_buffer(std::byte* address, int64_t) {
  HugeMemory gone;  // declared first: unmapped when the lock is given back
  const std::lock_guard lock(mutex_);
  const auto it = memory_.find(address);
  gone = std::move(it->second);
  memory_.erase(it);
}

Result<std::byte*> CpuDevice::take_host(std::span<const std::byte> bytes) {
  return const_cast<std::byte*>(bytes.data());
}

Result<Event> CpuDevice::write(std::byte* to, std::span<const std::byte> from) {
  std::memcpy(to, from.data(), from.size());
  return Event{};
}
Result<Event> CpuDevice::read(const std::byte* from, std::span<std::byte> to) {
  std::memcpy(to.data(), from, to.size());
  return Event{};
}
Result<Event> CpuDevice::move(const std::byte* from, std::byte* to, int64_t bytes) {
  std::memmove(to, from, static_cast<size_t>(bytes));
  return Event{};
}
Result<Event> CpuDevice::clear(std::byte* at, int64_t bytes) {
  std::memset(at, 0, static_cast<size_t>(bytes));
  return Event{};
}

int64_t CpuDevice::limit() const {
  return memory_room().limit;
}

}  // namespace gannet
