#include "engine/device_weights.h"

#include <algorithm>

namespace gannet {
namespace {

// Copies are put together in buffers of about this size: devices count buffers, and limit how large one is.
constexpr int64_t kBufferBytes = int64_t{256} << 20;

struct Piece {
  const std::byte* begin;
  int64_t bytes;
  Place place;
};

void sort_pieces(std::vector<Piece>& pieces) {
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.begin < b.begin; });
}

// The same memory in pieces that do not overlap, by rising address.
std::vector<Piece> merged(std::vector<Piece> pieces) {
  sort_pieces(pieces);
  std::vector<Piece> all;
  for (const Piece& piece : pieces) {
    if (!all.empty() && piece.begin < all.back().begin + all.back().bytes)
      all.back().bytes = std::max(all.back().bytes, piece.begin + piece.bytes - all.back().begin);
    else
      all.push_back(piece);
  }
  return all;
}

// Of sorted pieces the one that memory lies in; null: none.
const Piece* holding(const std::vector<Piece>& pieces, const std::byte* data, int64_t bytes) {
  const auto after =
      std::upper_bound(pieces.begin(), pieces.end(), data,
                       [](const std::byte* at, const Piece& piece) { return at < piece.begin; });
  if (after == pieces.begin()) return nullptr;
  const Piece& piece = *(after - 1);
  return data + bytes <= piece.begin + piece.bytes ? &piece : nullptr;
}

int64_t aligned(int64_t n) {
  return (n + 63) / 64 * 64;
}

}  // namespace

Result<DeviceWeights> DeviceWeights::make(std::shared_ptr<Device> device, const WeightTable& table,
                                          const std::vector<std::span<const std::byte>>& mappings) {
  DeviceWeights weights;
  std::vector<Piece> imported, copied;
  const auto import = [&](std::span<const std::byte> bytes) {
    auto buffer = device->import_host(bytes);
    if (!buffer.ok()) return false;
    weights.buffers_.emplace_back(device, *buffer);
    weights.imported_bytes_ += static_cast<int64_t>(bytes.size());
    imported.push_back({bytes.data(), static_cast<int64_t>(bytes.size()), {*buffer, 0}});
    return true;
  };
  for (const auto& mapping : mappings)
    if (!mapping.empty()) import(mapping);
  sort_pieces(imported);
  for (const auto& [name, view] : table.all()) {
    const int64_t bytes = extent_bytes(view);
    if (bytes > 0 && holding(imported, view.data, bytes) == nullptr) copied.push_back({view.data, bytes, {}});
  }
  copied = merged(std::move(copied));
  // Tensors that were made when the file was loaded lie by themselves; the device may take them all the same.
  std::erase_if(copied, [&](const Piece& p) { return import({p.begin, static_cast<size_t>(p.bytes)}); });
  sort_pieces(imported);

  for (size_t first = 0, next = 0; first < copied.size(); first = next) {
    int64_t bytes = 0;
    for (; next < copied.size() && (next == first || bytes + copied[next].bytes <= kBufferBytes); ++next) {
      copied[next].place.offset = bytes;
      bytes += aligned(copied[next].bytes);
    }
    weights.buffers_.push_back(GANNET_TRY(DeviceBuffer::allocate(device, bytes)));
    Event last;
    for (size_t i = first; i < next; ++i) {
      copied[i].place.buffer = weights.buffers_.back().id();
      last = GANNET_TRY(
          device->upload(copied[i].place, {copied[i].begin, static_cast<size_t>(copied[i].bytes)}));
      weights.copied_bytes_ += copied[i].bytes;
    }
    GANNET_TRY(device->wait(last));
  }

  for (const auto& [name, view] : table.all()) {
    const int64_t bytes = extent_bytes(view);
    const Piece* piece = holding(imported, view.data, bytes);
    if (piece == nullptr) piece = holding(copied, view.data, bytes);
    if (piece == nullptr) continue;  // nothing in it
    weights.tensors_[name] = placed_at(piece->place + (view.data - piece->begin), view);
  }
  return weights;
}

PlacedTensor DeviceWeights::find(const std::string& name) const {
  const auto it = tensors_.find(name);
  return it == tensors_.end() ? PlacedTensor{} : it->second;
}

}  // namespace gannet
