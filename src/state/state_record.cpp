#include "state/state_record.h"

#include <algorithm>
#include <utility>

namespace gannet {
namespace {

int64_t rows_in_page(int64_t end, size_t index) {
  return std::clamp<int64_t>(end - static_cast<int64_t>(index) * kPageTokens, 0, kPageTokens);
}

// Whether `holder`, who holds the page, may write rows of `part` from `row` on in place.
bool writable(StatePiece& page, const void* holder, StatePart part, int64_t row) {
  if (page.refs == 1)
    page.relied_rows = {};
  else if ((page.writer != nullptr && page.writer != holder) || row < page.relied_rows[part_index(part)])
    return false;
  page.writer = holder;
  return true;
}

}  // namespace

int64_t StateRecord::rows(StatePart part, size_t index) const {
  return rows_in_page(length_of(part), index);
}

size_t StateRecord::filled_pages() const {
  const int64_t longest = *std::max_element(length.begin(), length.end());
  return std::min(pages.size(), static_cast<size_t>((longest + kPageTokens - 1) / kPageTokens));
}

void StateRecord::become(const StateRecord& other) {
  const std::lock_guard lock(pool.mutex_);
  const size_t n = other.filled_pages();
  for (size_t i = 0; i < n; ++i) {
    StatePiece* page = other.pages[i];
    for (const StatePart part : kStateParts) {
      int64_t& relied = page->relied_rows[part_index(part)];
      relied = std::max(relied, other.rows(part, i));
    }
    if (i == pages.size()) pages.push_back(nullptr);
    if (pages[i] == page) continue;  // and stays its writer
    ++page->refs;
    if (pages[i] != nullptr) pool.drop_locked(StatePool::kPage, pages[i], this);
    pages[i] = page;
  }
  for (; pages.size() > n; pages.pop_back()) pool.drop_locked(StatePool::kPage, pages.back(), this);

  const auto share = [&](StatePool::Kind kind, StatePiece*& mine, StatePiece* theirs) {
    if (theirs != nullptr) ++theirs->refs;
    if (mine != nullptr) pool.drop_locked(kind, mine, this);
    mine = theirs;
  };
  share(StatePool::kSlot, base, other.base);
  share(StatePool::kRing, ring, other.pending() > 0 ? other.ring : nullptr);
  length = other.length;
  base_at = other.base_at;
}

void StateRecord::clear() {
  shrink(0);
  if (base != nullptr) pool.drop(StatePool::kSlot, base);
  if (ring != nullptr) pool.drop(StatePool::kRing, ring);
  base = ring = nullptr;
  length = {};
  base_at = 0;
}

void StateRecord::drop_shared_ring() {
  if (pending() == 0 && ring != nullptr && !pool.sole(ring))
    pool.drop(StatePool::kRing, std::exchange(ring, nullptr));
}

void StateRecord::shrink(size_t n) {
  const std::lock_guard lock(pool.mutex_);
  for (; pages.size() > n; pages.pop_back()) pool.drop_locked(StatePool::kPage, pages.back(), this);
}

bool StateRecord::make_room(StatePart part, int64_t n_rows, const std::array<int64_t, 2>& ends,
                            PageTable& table) {
  const int64_t begin = length_of(part), end = begin + n_rows;
  if (n_rows == 0 || pool.places().page_bytes == 0) return true;
  for (int64_t first = begin / kPageTokens * kPageTokens; first < end; first += kPageTokens) {
    const auto i = static_cast<size_t>(first / kPageTokens);
    if (i < pages.size()) {
      const std::lock_guard lock(pool.mutex_);
      if (writable(*pages[i], this, part, std::max<int64_t>(0, begin - first))) continue;
    }
    StatePiece* page = pool.take(StatePool::kPage, this);
    if (page == nullptr) return false;
    if (i == pages.size()) {
      pages.push_back(page);
      for (size_t m = 0; m < kMostMemories; ++m) table[m].push_back(page->data[m]);
      continue;
    }
    copy_rows(*pages[i], *page, i, ends);
    for (size_t m = 0; m < kMostMemories; ++m) table[m][i] = page->data[m];
    pool.drop(StatePool::kPage, std::exchange(pages[i], page), this);
  }
  return true;
}

// Without the lock: rows of this record are not written by others, and those are all that is read.
void StateRecord::copy_rows(const StatePiece& from, const StatePiece& to, size_t index,
                            const std::array<int64_t, 2>& ends) const {
  int64_t bytes = 0;
  for (size_t i = 0; i < pool.layout().kv.size(); ++i) {
    const StateLayout::KvLayer& layer = pool.layout().kv[i];
    const int64_t n = rows_in_page(ends[part_index(layer.part)], index);
    if (n == 0) continue;
    StateMemory& memory = *pool.options().memories[layer.memory];
    const auto copy = [&](int64_t at, DType type) {
      const int64_t row = row_bytes(type, layer.head_dim);
      memory.copy(to.data[layer.memory] + at, from.data[layer.memory] + at, n * row, kPageTokens * row,
                  layer.n_kv_heads);
      bytes += n * row * layer.n_kv_heads;
    };
    copy(pool.places().kv[i].k, layer.k_type);
    copy(pool.places().kv[i].v, layer.v_type);
  }
  if (bytes == 0) return;
  const std::lock_guard lock(pool.mutex_);
  ++pool.counts_.page_copies;
  pool.counts_.bytes_copied += bytes;
}

}  // namespace gannet
