#include "ops/case_device.h"

#include <cstring>

#include "backend/api/device_step.h"
#include "base/check.h"
#include "ops/case_run.h"
#include "tensor/planes.h"

namespace gannet {

Result<void> DeviceCopies::add(std::span<std::byte> bytes) {
  const int64_t shift = static_cast<int64_t>(reinterpret_cast<uintptr_t>(bytes.data()) % 64);
  auto buffer = GANNET_TRY(DeviceBuffer::allocate(borrowed_, std::ssize(bytes) + shift));
  std::byte* const at = device_->address(buffer.at(shift));
  const Event sent = GANNET_TRY(device_->upload(buffer.at(shift), bytes));
  GANNET_TRY(device_->wait(sent));
  all_.push_back({bytes, std::move(buffer), shift, at});
  return {};
}

Result<std::byte*> DeviceCopies::send(int64_t n, const Fill& fill) {
  std::vector<std::byte> bytes(static_cast<size_t>(n));
  auto buffer = GANNET_TRY(DeviceBuffer::allocate(borrowed_, n));
  std::byte* const there = device_->address(buffer.at(0));
  fill(there, bytes);
  const Event sent = GANNET_TRY(device_->upload(buffer.at(0), bytes));
  GANNET_TRY(device_->wait(sent));
  sent_.push_back(std::move(buffer));
  return there;
}

std::byte* DeviceCopies::on_device(const std::byte* host) const {
  if (host == nullptr) return nullptr;
  for (const Copied& c : all_)
    if (host >= c.host.data() && host < c.host.data() + c.host.size())
      return c.device + (host - c.host.data());
  GANNET_CHECK(false, "memory of no buffer");
}

Result<void> DeviceCopies::bring_back() {
  for (const Copied& c : all_) {
    const Event back = GANNET_TRY(device_->download(c.buffer.at(c.shift), c.host));
    GANNET_TRY(device_->wait(back));
  }
  return {};
}

namespace {

std::vector<TensorView> translated(std::span<const TensorView> views, const DeviceCopies& memory) {
  std::vector<TensorView> there(views.begin(), views.end());
  for (TensorView& view : there)
    if (view.dtype != DType::kRecurrent && view.dtype != DType::kKvCache)
      view.data = memory.on_device(view.data);
  return there;
}

// The step, with addresses of the device in it.
Result<std::byte*> send_step(const RecordedUse& use, DeviceCopies& memory) {
  std::vector<StepSegment> segments(use.step.segments, use.step.segments + use.step.n_segments);
  const int64_t page_tokens = use.page_tokens == 0 ? 1 : use.page_tokens;
  std::vector<std::vector<std::byte*>> tables(segments.size());
  for (size_t i = 0; i < segments.size(); ++i) {
    StepSegment& s = segments[i];
    const int64_t n_pages = (s.n_past + s.n_rows + page_tokens - 1) / page_tokens;
    for (int64_t page = 0; page < n_pages && use.page_tokens != 0; ++page)
      tables[i].push_back(memory.on_device(s.pages[page]));
    s.pages = use.page_tokens == 0 ? nullptr : tables[i].data();
    s.base = memory.on_device(s.base);
    s.next_base = memory.on_device(s.next_base);
    s.ring = memory.on_device(s.ring);
    s.next_ring = memory.on_device(s.next_ring);
  }
  const StepView step{segments.data(), std::ssize(segments)};
  return memory.send(device_step_bytes(step.n_segments, step_pages(step, page_tokens)),
                     [&](std::byte* there, std::span<std::byte> bytes) {
                       write_device_step(step, page_tokens, reinterpret_cast<uint64_t>(there), bytes);
                     });
}

bool lies_in_planes(const TensorView& w, const Device& device) {
  return device.weights_in_planes() && w.data != nullptr && w.shape.rank > 0 &&
         in_planes(w.dtype, w.shape.last());
}

}  // namespace

OperandsInPlanes::OperandsInPlanes(std::span<const TensorView> operands, const Device& device) {
  for (const TensorView& w : operands) {
    if (!lies_in_planes(w, device)) continue;
    const std::span<std::byte> bytes(w.data, static_cast<size_t>(tensor_bytes(w.dtype, w.shape)));
    before_.push_back({bytes, {bytes.begin(), bytes.end()}});
    blocks_to_planes(w.dtype, w.shape.last(), before_.back().second, w.data,
                     reinterpret_cast<uintptr_t>(w.data));
  }
}

OperandsInPlanes::~OperandsInPlanes() {
  for (const auto& [place, bytes] : before_) std::ranges::copy(bytes, place.begin());
}

Result<RecordingCounts> record_and_replay(const KernelInfo& kernel, DeviceCopies& memory,
                                          const RecordedUse& use) {
  const std::vector<TensorView> operands = translated(use.operands, memory),
                                results = translated(use.results, memory);
  RecordArgs args;
  args.operands = operands.data();
  args.results = results.data();
  args.attrs = use.attrs;
  args.workspace = memory.on_device(use.workspace);
  args.n_operands = static_cast<int>(operands.size());
  args.rows = GANNET_TRY(memory.send(sizeof use.rows, [&](std::byte*, std::span<std::byte> bytes) {
    std::memcpy(bytes.data(), &use.rows, sizeof use.rows);
  }));
  args.step = GANNET_TRY(send_step(use, memory));
  const std::unique_ptr<Recorder> recorder = memory.device().record();
  GANNET_CHECK(recorder != nullptr, "a device without recordings");
  recorded_kernel(kernel).record(args, *recorder);
  const std::unique_ptr<Recording> recording = GANNET_TRY(recorder->finish());
  const Event over = GANNET_TRY(recording->replay());
  GANNET_TRY(memory.device().wait(over));
  GANNET_TRY(memory.bring_back());
  return recording->counts();
}

Result<RecordingCounts> CaseRun::run_recorded(const KernelInfo& kernel, Device& device,
                                              const StepRows& rows) {
  const int64_t bytes = kernel.workspace ? kernel.workspace(data_.site(), 1) : 0;
  std::byte* const workspace = allocate("workspace", bytes).buffer->data();
  const OperandsInPlanes in_planes(operands_, device);
  DeviceCopies copies(device);
  for (const auto& memory : memory_) GANNET_TRY(copies.add(memory->buffer->with_guards()));
  StepSegment segment = segment_;
  segment.pages = page_table_.data();
  segment.ring = segment.next_ring = nullptr;
  RecordedUse use{operands_, results_, data_.op_case.attrs.raw.data(), workspace, rows, {&segment, 1}};
  if (kv_) use.page_tokens = kv_->page_tokens;
  return record_and_replay(kernel, copies, use);
}

}  // namespace gannet
