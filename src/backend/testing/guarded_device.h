// A device for tests: it runs the CPU's kernels, but nobody else can touch its memory. Buffers have no access
// rights except while kernels run and while the device copies, so that whoever follows an address of the
// device on the host dies there (SIGSEGV). It takes no host memory for its own, and refuses what a test wants
// refused.
#pragma once

#include <atomic>
#include <map>
#include <set>
#include <string>

#include "backend/api/device.h"
#include "backend/cpu/capabilities.h"

namespace gannet {

struct GuardedOptions {
  std::set<std::string> refused_ops = {};
  std::set<DType> refused_types = {};  // of operands or results
  Capabilities capabilities = kCpuCapabilities;
  int64_t limit = 0;  // of memory
};

class GuardedDevice final : public Device {
 public:
  explicit GuardedDevice(GuardedOptions options = {})
      : Device("guarded", DeviceKind::kCpu), options_(std::move(options)) {}
  ~GuardedDevice() override;

  const Capabilities& capabilities() const override { return options_.capabilities; }
  const char* refuses(const char* op, const OpSite& site) const override;
  std::byte* host_view(Place) const override { return nullptr; }
  void begin_kernels() override;
  void end_kernels() override;

  int64_t uploaded_bytes() const { return uploaded_; }
  int64_t downloaded_bytes() const { return downloaded_; }
  // From here on nothing can be copied, as when a real one is lost.
  void lose() { lost_ = true; }
  Result<void> health() const override;

 protected:
  std::byte* make_buffer(int64_t bytes, BufferUse use) override;
  void drop_buffer(std::byte* address, int64_t bytes) override;
  Result<std::byte*> take_host(std::span<const std::byte> bytes) override;
  Result<Event> write(std::byte* to, std::span<const std::byte> from) override;
  Result<Event> read(const std::byte* from, std::span<std::byte> to) override;
  Result<Event> move(const std::byte* from, std::byte* to, int64_t bytes) override;
  Result<Event> clear(std::byte* at, int64_t bytes) override;
  int64_t limit() const override { return options_.limit; }

 private:
  const GuardedOptions options_;
  std::mutex mutex_;  // of what follows
  std::map<std::byte*, size_t> buffers_;
  int opened_ = 0;  // by whom the buffers may be touched now
  int64_t uploaded_ = 0, downloaded_ = 0;
  std::atomic<bool> lost_ = false;
};

}  // namespace gannet
