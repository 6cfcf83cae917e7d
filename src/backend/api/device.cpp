#include "backend/api/device.h"

#include <algorithm>

#include <fmt/core.h>

#include "backend/api/recorder.h"
#include "tensor/planes.h"

namespace gannet {
namespace {

double mib(int64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

}  // namespace

const char* device_kind_name(DeviceKind kind) {
  constexpr const char* kNames[] = {"cpu", "vulkan", "cuda"};
  return kNames[static_cast<size_t>(kind)];
}

std::unique_ptr<Recorder> Device::record() {
  return nullptr;
}

BufferId Device::add(const Buffer& buffer) {
  const std::lock_guard lock(mutex_);
  buffers_.push_back(buffer);
  (buffer.imported ? memory_.imported : memory_.allocated) += buffer.bytes;
  memory_.peak = std::max(memory_.peak, memory_.allocated);
  return static_cast<BufferId>(buffers_.size());
}

Result<BufferId> Device::allocate(int64_t bytes, BufferUse use) {
  GANNET_CHECK(bytes > 0);
  std::byte* address = make_buffer(bytes, use);
  if (address == nullptr) GANNET_TRY(health());
  if (address == nullptr)
    return Error(ErrorCode::kOutOfMemory, fmt::format("{}: no memory for {} bytes", name_, bytes));
  return add({address, bytes, false});
}

Result<BufferId> Device::import_host(std::span<const std::byte> bytes) {
  std::byte* address = GANNET_TRY(take_host(bytes));
  return add({address, static_cast<int64_t>(bytes.size()), true});
}

void Device::free(BufferId id) {
  Buffer gone;
  {
    const std::lock_guard lock(mutex_);
    const auto index = static_cast<size_t>(id) - 1;
    GANNET_CHECK(index < buffers_.size() && buffers_[index].address != nullptr, "no such buffer");
    std::swap(gone, buffers_[index]);
    (gone.imported ? memory_.imported : memory_.allocated) -= gone.bytes;
  }
  gone.imported ? drop_host(gone.address, gone.bytes) : drop_buffer(gone.address, gone.bytes);
}

int64_t Device::size(BufferId id) const {
  const std::lock_guard lock(mutex_);
  const auto index = static_cast<size_t>(id) - 1;
  GANNET_CHECK(index < buffers_.size() && buffers_[index].address != nullptr, "no such buffer");
  return buffers_[index].bytes;
}

std::byte* Device::checked(Place place, int64_t bytes) const {
  const std::lock_guard lock(mutex_);
  const auto index = static_cast<size_t>(place.buffer) - 1;
  GANNET_CHECK(index < buffers_.size() && buffers_[index].address != nullptr, "no such buffer");
  GANNET_CHECK(place.offset >= 0 && place.offset + bytes <= buffers_[index].bytes, "outside of the buffer");
  return buffers_[index].address + place.offset;
}

std::byte* Device::address(Place place) const {
  return checked(place, 0);
}

Result<Event> Device::upload(Place to, std::span<const std::byte> from) {
  return write(checked(to, static_cast<int64_t>(from.size())), from);
}
Result<Event> Device::upload_weights(Place to, std::span<const std::byte> from, DType type, int64_t n) {
  if (!weights_in_planes() || !in_planes(type, n)) return upload(to, from);
  return write_planes(checked(to, static_cast<int64_t>(from.size())), from, type, n);
}
Result<Event> Device::write_planes(std::byte*, std::span<const std::byte>, DType, int64_t) {
  GANNET_CHECK(false, "a device without planes");
}
Result<Event> Device::download(Place from, std::span<std::byte> to) {
  return read(checked(from, static_cast<int64_t>(to.size())), to);
}
Result<Event> Device::copy(Place from, Place to, int64_t bytes) {
  return move(checked(from, bytes), checked(to, bytes), bytes);
}
Result<Event> Device::zero(Place place, int64_t bytes) {
  return clear(checked(place, bytes), bytes);
}

DeviceMemory Device::memory() const {
  const std::lock_guard lock(mutex_);
  DeviceMemory memory = memory_;
  memory.limit = limit();
  return memory;
}

std::string Device::explain() const {
  const DeviceMemory now = memory();
  const std::lock_guard lock(mutex_);
  const auto live = std::count_if(buffers_.begin(), buffers_.end(),
                                  [](const Buffer& buffer) { return buffer.address != nullptr; });
  return fmt::format("{}: {:.1f} MiB allocated (peak {:.1f} MiB), {:.1f} MiB imported, {} buffers{}", name_,
                     mib(now.allocated), mib(now.peak), mib(now.imported), live,
                     now.limit == 0 ? "" : fmt::format(", limit {:.1f} MiB", mib(now.limit)));
}

Result<DeviceBuffer> DeviceBuffer::allocate(std::shared_ptr<Device> device, int64_t bytes, BufferUse use) {
  const BufferId id = GANNET_TRY(device->allocate(bytes, use));
  return DeviceBuffer(std::move(device), id);
}

Result<BufferId> bring_to_device(Device& device, std::span<const std::byte> from) {
  if (auto imported = device.import_host(from); imported.ok()) return imported;
  const BufferId buffer = GANNET_TRY(device.allocate(static_cast<int64_t>(from.size())));
  const auto copy = [&]() -> Result<void> {
    return device.wait(GANNET_TRY(device.upload({buffer, 0}, from)));
  };
  if (auto copied = copy(); !copied.ok()) {
    device.free(buffer);
    return copied.take_error();
  }
  return buffer;
}

}  // namespace gannet
