#include "exec/step_block.h"

#include <fmt/core.h>

#include "backend/api/device_step.h"

namespace gannet {

Result<StepBlock> StepBlock::make(std::shared_ptr<Device> device, int64_t n_pages) {
  StepBlock block;
  block.bytes_ = device_step_bytes(kMostDeviceSegments, n_pages);
  block.device_ = std::move(device);
  block.buffer_ = GANNET_TRY(DeviceBuffer::allocate(block.device_, block.bytes_));
  if (block.device_->host_view(block.place()) == nullptr)
    block.copy_ = std::make_unique<std::byte[]>(static_cast<size_t>(block.bytes_));
  return block;
}

Result<void> StepBlock::write(const StepView& step, int64_t page_tokens) {
  if (step.n_segments > kMostDeviceSegments)
    return Error(ErrorCode::kRuntime, fmt::format("a step of {} sequences; at most {} fit on {}",
                                                  step.n_segments, kMostDeviceSegments, device_->name()));
  std::byte* const to = copy_ != nullptr ? copy_.get() : device_->host_view(place());
  const auto address = reinterpret_cast<uint64_t>(device_->address(place()));
  write_device_step(step, page_tokens, address, {to, static_cast<size_t>(bytes_)});
  if (copy_ == nullptr) return {};
  const int64_t used = device_step_bytes(step.n_segments, step_pages(step, page_tokens));
  GANNET_TRY(device_->upload(place(), {to, static_cast<size_t>(used)}));
  return {};
}

}  // namespace gannet
