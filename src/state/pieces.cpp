#include "state/pieces.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "base/huge_pages.h"

namespace gannet {

struct StateSlab {
  PerMemory<std::byte*> at = {};
  std::vector<StatePiece> pieces;
  std::vector<StatePiece*> free;
};

namespace {

// As many pieces as fill whole huge pages without much left over.
int64_t slab_pieces(int64_t bytes) {
  constexpr int64_t kMostWaste = 8;  // one part of so many
  int64_t n = std::max<int64_t>(1, kHugePage / bytes);
  const int64_t most = n + 16;
  while (n < most && to_huge_pages(n * bytes) - n * bytes > n * bytes / kMostWaste) ++n;
  return n;
}

}  // namespace

StatePieces::StatePieces(const PerMemory<int64_t>& bytes, PerMemory<std::shared_ptr<StateMemory>> memories)
    : bytes_in_(bytes),
      bytes_(std::accumulate(bytes.begin(), bytes.end(), int64_t{0})),
      memories_(std::move(memories)) {
  for (size_t m = 0; m < kMostMemories; ++m)
    GANNET_CHECK(bytes_in_[m] == 0 || memories_[m] != nullptr, "state in a memory that there is not");
}

StatePieces::~StatePieces() {
  for (const auto& slab : slabs_) release(*slab);
}

void StatePieces::release(const StateSlab& slab) {
  for (size_t m = 0; m < kMostMemories; ++m)
    if (slab.at[m] != nullptr) memories_[m]->release(slab.at[m]);
}

bool StatePieces::grow() {
  const int64_t n = slab_pieces(bytes_);
  auto slab = std::make_unique<StateSlab>();
  for (size_t m = 0; m < kMostMemories; ++m) {
    if (bytes_in_[m] == 0) continue;
    slab->at[m] = memories_[m]->allocate(n * bytes_in_[m]);
    if (slab->at[m] != nullptr) continue;
    release(*slab);
    return false;
  }
  slab->pieces.resize(static_cast<size_t>(n));
  for (int64_t i = n; i-- > 0;) {
    StatePiece& piece = slab->pieces[static_cast<size_t>(i)];
    for (size_t m = 0; m < kMostMemories; ++m)
      if (slab->at[m] != nullptr) piece.data[m] = slab->at[m] + i * bytes_in_[m];
    piece.slab = slab.get();
    slab->free.push_back(&piece);
  }
  reserved_ += n * bytes_;
  with_free_.push_back(slab.get());
  slabs_.push_back(std::move(slab));
  return true;
}

StatePiece* StatePieces::take() {
  GANNET_CHECK(bytes_ > 0);
  if (with_free_.empty() && !grow()) return nullptr;
  StateSlab* slab = with_free_.back();
  StatePiece* piece = slab->free.back();
  slab->free.pop_back();
  if (slab->free.empty()) with_free_.pop_back();
  ++in_use_;
  return piece;
}

void StatePieces::give_back(StatePiece* piece) {
  if (piece->slab->free.empty()) with_free_.push_back(piece->slab);
  piece->slab->free.push_back(piece);
  --in_use_;
}

void StatePieces::trim() {
  const auto idle = [](const StateSlab& slab) { return slab.free.size() == slab.pieces.size(); };
  std::erase_if(with_free_, [&](const StateSlab* slab) { return idle(*slab); });
  std::erase_if(slabs_, [&](const std::unique_ptr<StateSlab>& slab) {
    if (!idle(*slab)) return false;
    release(*slab);
    reserved_ -= static_cast<int64_t>(slab->pieces.size()) * bytes_;
    return true;
  });
}

}  // namespace gannet
