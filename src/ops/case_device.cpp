// A case on a device that replays recordings.
#include <fmt/core.h>

#include "backend/api/device.h"
#include "backend/api/device_step.h"
#include "base/check.h"
#include "ops/case_run.h"

namespace gannet {
namespace {

// Where memory of the host has its copy.
struct Copied {
  const std::byte* host;
  std::span<std::byte> bytes;
  DeviceBuffer buffer;
  std::byte* device;
};

}  // namespace

Result<RecordingCounts> CaseRun::run_recorded(const KernelInfo& kernel, Device& device,
                                              const StepRows& rows) {
  const int64_t bytes = kernel.workspace ? kernel.workspace(data_.site(), 1) : 0;
  std::byte* const workspace = allocate("workspace", bytes).buffer->data();
  const std::shared_ptr<Device> borrowed(&device, [](Device*) {});
  std::vector<Copied> copies;
  for (const auto& memory : memory_) {
    const std::span<std::byte> all = memory->buffer->with_guards();
    // As aligned as on the host.
    const int64_t shift = static_cast<int64_t>(reinterpret_cast<uintptr_t>(all.data()) % 64);
    auto buffer = GANNET_TRY(DeviceBuffer::allocate(borrowed, static_cast<int64_t>(all.size()) + shift));
    std::byte* const at = device.address(buffer.at(shift));
    const Event sent = GANNET_TRY(device.upload(buffer.at(shift), all));
    GANNET_TRY(device.wait(sent));
    copies.push_back({all.data(), all, std::move(buffer), at});
  }
  const auto on_device = [&](const std::byte* host) -> std::byte* {
    if (host == nullptr) return nullptr;
    for (const Copied& c : copies)
      if (host >= c.host && host < c.host + c.bytes.size()) return c.device + (host - c.host);
    GANNET_CHECK(false, "memory of no buffer");
  };
  const auto translated = [&](std::vector<TensorView> views) {
    for (TensorView& view : views)
      if (view.dtype != DType::kRecurrent && view.dtype != DType::kKvCache) view.data = on_device(view.data);
    return views;
  };
  const std::vector<TensorView> operands = translated(operands_), results = translated(results_);
  auto row_counts = GANNET_TRY(DeviceBuffer::allocate(borrowed, sizeof rows));
  const Event sent =
      GANNET_TRY(device.upload(row_counts.at(0), std::as_bytes(std::span<const StepRows>(&rows, 1))));
  GANNET_TRY(device.wait(sent));
  RecordArgs args;
  args.operands = operands.data();
  args.results = results.data();
  args.attrs = data_.op_case.attrs.raw.data();
  args.workspace = on_device(workspace);
  args.n_operands = static_cast<int>(operands.size());
  args.rows = device.address(row_counts.at(0));

  // The step, with addresses of the device in it.
  StepSegment segment = segment_;
  std::vector<std::byte*> pages;
  for (std::byte* page : page_table_) pages.push_back(on_device(page));
  segment.pages = kv_ ? pages.data() : nullptr;
  segment.base = on_device(segment.base);
  segment.next_base = on_device(segment.next_base);
  segment.ring = segment.next_ring = nullptr;
  const StepView step{&segment, 1};
  const int64_t page_tokens = kv_ ? kv_->page_tokens : 1;
  std::vector<std::byte> step_bytes(static_cast<size_t>(device_step_bytes(1, step_pages(step, page_tokens))));
  auto step_place = GANNET_TRY(DeviceBuffer::allocate(borrowed, std::ssize(step_bytes)));
  args.step = device.address(step_place.at(0));
  write_device_step(step, page_tokens, reinterpret_cast<uint64_t>(args.step), step_bytes);
  const Event step_sent = GANNET_TRY(device.upload(step_place.at(0), step_bytes));
  GANNET_TRY(device.wait(step_sent));

  const std::unique_ptr<Recorder> recorder = device.record();
  GANNET_CHECK(recorder != nullptr, "a device without recordings");
  recorded_kernel(kernel).record(args, *recorder);
  const std::unique_ptr<Recording> recording = GANNET_TRY(recorder->finish());
  const Event over = GANNET_TRY(recording->replay());
  GANNET_TRY(device.wait(over));
  for (const Copied& c : copies) {
    const int64_t shift = c.device - device.address(c.buffer.at(0));
    const Event back = GANNET_TRY(device.download(c.buffer.at(shift), c.bytes));
    GANNET_TRY(device.wait(back));
  }
  return recording->counts();
}

}  // namespace gannet
