#include "exec/run_block.h"

#include <cstring>

namespace gannet {
namespace {

// The parts of the block in order; inputs of a part lie together.
enum class Part { kChanging, kHidden, kConstant };

Part part_of(const Value& input) {
  if (input.source == InputSource::kHidden) return Part::kHidden;
  const bool constant = input_source_info(input.source).scope == InputScope::kConstant;
  return constant ? Part::kConstant : Part::kChanging;
}

int64_t aligned(int64_t n) {
  return (n + 63) / 64 * 64;
}

}  // namespace

Result<RunBlock> RunBlock::make(std::shared_ptr<Device> device, std::span<const Value* const> inputs) {
  RunBlock block;
  block.device_ = std::move(device);
  block.offsets_.resize(inputs.size());
  int64_t at = kRowsBytes;
  for (const Part part : {Part::kChanging, Part::kHidden, Part::kConstant}) {
    if (part == Part::kHidden) block.hidden_ = at;
    if (part == Part::kConstant) block.constants_ = at;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (part_of(*inputs[i]) != part) continue;
      block.offsets_[i] = at;
      at += aligned(type_bytes(inputs[i]->type));
    }
  }
  block.end_ = at;
  block.buffer_ = GANNET_TRY(DeviceBuffer::allocate(block.device_, at));
  block.host_ = block.device_->host_view(block.buffer_.at(0));
  if (block.host_ == nullptr) {
    block.copy_ = std::make_unique<std::byte[]>(static_cast<size_t>(at) + 64);
    const auto address = reinterpret_cast<uintptr_t>(block.copy_.get());
    block.host_ = reinterpret_cast<std::byte*>((address + 63) / 64 * 64);
  }
  return block;
}

std::byte* RunBlock::host(int64_t offset) const {
  if (offset >= constants_) constants_changed_ = true;
  return host_ + offset;
}

Result<void> RunBlock::upload(const StepRows& rows) {
  std::memcpy(host_, &rows, sizeof(rows));
  if (copy_ == nullptr) return {};
  Event last;
  const auto send = [&](int64_t begin, int64_t end) -> Result<void> {
    if (begin == end) return {};
    last = GANNET_TRY(device_->upload(buffer_.at(begin), {host_ + begin, static_cast<size_t>(end - begin)}));
    return {};
  };
  GANNET_TRY(send(0, hidden_from_host_ ? constants_ : hidden_));
  if (constants_changed_) GANNET_TRY(send(constants_, end_));
  constants_changed_ = false;
  return device_->wait(last);
}

}  // namespace gannet
