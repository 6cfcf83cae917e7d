#include "state/pieces.h"

#include <algorithm>

#include "base/check.h"
#include "base/huge_pages.h"

namespace gannet {

struct StateSlab {
  std::byte* at = nullptr;
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

StatePieces::StatePieces(int64_t bytes, std::shared_ptr<StateMemory> memory)
    : bytes_(bytes), memory_(std::move(memory)) {}

StatePieces::~StatePieces() {
  for (const auto& slab : slabs_) memory_->release(slab->at);
}

bool StatePieces::grow() {
  const int64_t n = slab_pieces(bytes_);
  auto slab = std::make_unique<StateSlab>();
  slab->at = memory_->allocate(n * bytes_);
  if (slab->at == nullptr) return false;
  slab->pieces.resize(static_cast<size_t>(n));
  for (int64_t i = n; i-- > 0;) {
    StatePiece& piece = slab->pieces[static_cast<size_t>(i)];
    piece.data = slab->at + i * bytes_;
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
    memory_->release(slab->at);
    reserved_ -= static_cast<int64_t>(slab->pieces.size()) * bytes_;
    return true;
  });
}

}  // namespace gannet
