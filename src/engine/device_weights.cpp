#include "engine/device_weights.h"

#include <algorithm>
#include <compare>

#include "tensor/planes.h"

namespace gannet {
namespace {

// Copies are put together in buffers of about this size: devices count buffers, and limit how large one is.
constexpr int64_t kBufferBytes = int64_t{256} << 20;

// Of rows that are put in planes: what they are, and where in memory they begin, up to whole rows. Otherwise
// all zero.
struct RowForm {
  DType type = DType::kF32;
  int64_t n = 0, first = 0;  // n: elements

  auto operator<=>(const RowForm&) const = default;
};

RowForm form_on(const Device& device, const TensorView& view) {
  if (!device.weights_in_planes() || view.shape.rank == 0 || !in_planes(view.dtype, view.shape.last()))
    return {};
  const int64_t n = view.shape.last();
  return {view.dtype, n,
          static_cast<int64_t>(reinterpret_cast<uintptr_t>(view.data) %
                               static_cast<uintptr_t>(row_bytes(view.dtype, n)))};
}

struct Piece {
  RowForm form;
  const std::byte* begin;
  int64_t bytes;
  Place place;
};

bool before(const Piece& a, const Piece& b) {
  return a.form == b.form ? a.begin < b.begin : a.form < b.form;
}

void sort_pieces(std::vector<Piece>& pieces) {
  std::sort(pieces.begin(), pieces.end(), before);
}

// The same memory in pieces that do not overlap unless their forms differ, by form and rising address.
std::vector<Piece> merged(std::vector<Piece> pieces) {
  sort_pieces(pieces);
  std::vector<Piece> all;
  for (const Piece& piece : pieces) {
    if (!all.empty() && piece.form == all.back().form && piece.begin < all.back().begin + all.back().bytes)
      all.back().bytes = std::max(all.back().bytes, piece.begin + piece.bytes - all.back().begin);
    else
      all.push_back(piece);
  }
  return all;
}

// Of sorted pieces the one that memory lies in; null: none.
const Piece* holding(const std::vector<Piece>& pieces, const RowForm& form, const std::byte* data,
                     int64_t bytes) {
  const auto after = std::upper_bound(pieces.begin(), pieces.end(), Piece{form, data, bytes, {}}, before);
  if (after == pieces.begin()) return nullptr;
  const Piece& piece = *(after - 1);
  return piece.form == form && data + bytes <= piece.begin + piece.bytes ? &piece : nullptr;
}

// The parts of a mapping that hold these pieces as they are, which are sorted, each of at most so many bytes
// (0: any).
std::vector<std::span<const std::byte>> parts_of(std::span<const std::byte> mapping,
                                                 const std::vector<Piece>& pieces, int64_t most) {
  // Parts of the file between two of them that are imported along: other tensors' pages need not be.
  constexpr int64_t kGap = 1 << 20;
  // Devices import whole pages, those of both ends too.
  constexpr int64_t kPages = 2 << 16;
  std::vector<std::span<const std::byte>> parts;
  const std::byte *begin = nullptr, *end = nullptr;
  const auto close = [&] {
    if (begin != nullptr) parts.emplace_back(begin, end);
    begin = nullptr;
  };
  for (const Piece& piece : pieces) {
    if (piece.form != RowForm{}) continue;
    if (piece.begin < mapping.data() || piece.begin >= mapping.data() + mapping.size()) continue;
    const std::byte* piece_end = piece.begin + piece.bytes;
    if (begin != nullptr && (piece.begin - end > kGap || (most > 0 && piece_end - begin > most - kPages)))
      close();
    if (begin == nullptr) begin = piece.begin;
    end = piece_end;
  }
  close();
  return parts;
}

int64_t aligned(int64_t n) {
  return (n + 63) / 64 * 64;
}

}  // namespace

Result<DeviceWeights> DeviceWeights::make(std::shared_ptr<Device> device, const WeightTable& table,
                                          const std::vector<std::span<const std::byte>>& mappings,
                                          const std::function<bool(const std::string& name)>& wanted) {
  DeviceWeights weights;
  std::vector<Piece> all;
  for (const auto& [name, view] : table.all())
    if (const int64_t bytes = extent_bytes(view); bytes > 0 && (!wanted || wanted(name)))
      all.push_back({form_on(*device, view), view.data, bytes, {}});
  all = merged(std::move(all));
  std::vector<Piece> imported, copied;
  const auto import = [&](std::span<const std::byte> bytes) {
    auto buffer = device->import_host(bytes);
    if (!buffer.ok()) return false;
    weights.buffers_.emplace_back(device, *buffer);
    weights.imported_bytes_ += static_cast<int64_t>(bytes.size());
    imported.push_back({{}, bytes.data(), static_cast<int64_t>(bytes.size()), {*buffer, 0}});
    return true;
  };
  for (const auto& mapping : mappings)
    for (const auto& part : parts_of(mapping, all, device->largest_buffer()))
      if (!import(part)) break;  // it takes none
  sort_pieces(imported);
  for (const Piece& piece : all)
    if (holding(imported, piece.form, piece.begin, piece.bytes) == nullptr) copied.push_back(piece);
  // Tensors that were made when the file was loaded lie by themselves; the device may take them all the same.
  std::erase_if(copied, [&](const Piece& p) {
    return p.form == RowForm{} && import({p.begin, static_cast<size_t>(p.bytes)});
  });
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
      last = GANNET_TRY(device->upload_weights(copied[i].place,
                                               {copied[i].begin, static_cast<size_t>(copied[i].bytes)},
                                               copied[i].form.type, copied[i].form.n));
      weights.copied_bytes_ += copied[i].bytes;
    }
    GANNET_TRY(device->wait(last));
  }

  for (const auto& [name, view] : table.all()) {
    const int64_t bytes = extent_bytes(view);
    const RowForm form = form_on(*device, view);
    const Piece* piece = holding(imported, form, view.data, bytes);
    if (piece == nullptr) piece = holding(copied, form, view.data, bytes);
    if (piece == nullptr) continue;  // nothing in it, or not wanted
    weights.tensors_[name] = placed_at(piece->place + (view.data - piece->begin), view);
  }
  return weights;
}

PlacedTensor DeviceWeights::find(const std::string& name) const {
  const auto it = tensors_.find(name);
  return it == tensors_.end() ? PlacedTensor{} : it->second;
}

}  // namespace gannet
