// The machine itself as a device: its memory is the host's, so buffers are in huge pages where the system
// gives them, files are used where they are mapped, and nothing is copied to be seen.
#pragma once

#include <map>

#include "backend/api/device.h"
#include "base/huge_pages.h"

namespace gannet {

class CpuDevice final : public Device {
 public:
  CpuDevice() : Device("cpu", DeviceKind::kCpu) {}

  bool uses_host_memory() const override { return true; }
  const Capabilities& capabilities() const override;
  std::byte* host_view(Place place) const override { return address(place); }

 protected:
  std::byte* make_buffer(int64_t bytes, BufferUse use) override;
  void drop_buffer(std::byte* address, int64_t bytes) override;
  Result<std::byte*> take_host(std::span<const std::byte> bytes) override;
  Result<Event> write(std::byte* to, std::span<const std::byte> from) override;
  Result<Event> read(const std::byte* from, std::span<std::byte> to) override;
  Result<Event> move(const std::byte* from, std::byte* to, int64_t bytes) override;
  Result<Event> clear(std::byte* at, int64_t bytes) override;
  int64_t limit() const override;

 private:
  std::mutex mutex_;  // of what follows
  std::map<std::byte*, HugeMemory> memory_;
};

}  // namespace gannet
