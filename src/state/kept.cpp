// Snapshots that the pool keeps while there is room.
#include <algorithm>
#include <vector>

#include <fmt/core.h>

#include "base/check.h"
#include "state/state_record.h"

namespace gannet {

// Why a kept snapshot goes sooner or later.
struct StatePool::Worth {
  int64_t own_bytes = 0;  // that would be free
  int64_t tokens = 0;     // to be read again
  uint64_t others = 0;    // uses of others since its own last
  bool held = false;      // by somebody else as well

  double going() const {
    return static_cast<double>(own_bytes) / static_cast<double>(std::max<int64_t>(1, tokens)) *
           static_cast<double>(others + 1);
  }
  // Whether it goes before `b`.
  bool before(const Worth& b) const {
    if (held != b.held) return b.held;
    return going() != b.going() ? going() > b.going() : others > b.others;
  }
};

StatePool::Worth StatePool::worth_locked(const Kept& kept) const {
  const StateRecord& record = *kept.record;
  Worth worth{0, record.length_of(StatePart::kTrunk), uses_ - kept.used, kept.record.use_count() > 1};
  const auto count = [&](const StatePiece* piece, Kind kind) {
    if (piece != nullptr && piece->refs == 1) worth.own_bytes += pieces_[kind].bytes();
  };
  for (const StatePiece* page : record.pages) count(page, kPage);
  count(record.base, kSlot);
  count(record.ring, kRing);
  return worth;
}

std::shared_ptr<const StateRecord> StatePool::give_up_locked() {
  auto first = kept_.end();
  Worth worth;
  for (auto it = kept_.begin(); it != kept_.end(); ++it) {
    const Worth its = worth_locked(*it);
    if (its.held || (first != kept_.end() && !its.before(worth))) continue;
    first = it;
    worth = its;
  }
  if (first == kept_.end()) return nullptr;
  auto record = std::move(first->record);
  kept_.erase(first);
  ++counts_.given_up;
  counts_.bytes_given_up += worth.own_bytes;
  return record;
}

StatePool::KeptId StatePool::keep(StateSnapshot snapshot, std::string note) {
  GANNET_CHECK(snapshot.record_ != nullptr && snapshot.pool_.get() == this, "a snapshot of another pool");
  const std::lock_guard lock(mutex_);
  ++uses_;
  kept_.push_back({uses_, std::move(snapshot.record_), std::move(note), uses_});
  return uses_;
}

std::optional<StateSnapshot> StatePool::find(KeptId id) {
  const std::lock_guard lock(mutex_);
  const auto it = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& k) { return k.id == id; });
  if (it == kept_.end()) return std::nullopt;
  it->used = ++uses_;
  StateSnapshot snapshot;
  snapshot.pool_ = shared_from_this();
  snapshot.record_ = it->record;
  return snapshot;
}

void StatePool::forget(KeptId id) {
  std::shared_ptr<const StateRecord> record;  // goes without the lock
  const std::lock_guard lock(mutex_);
  const auto it = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& k) { return k.id == id; });
  if (it == kept_.end()) return;
  record = std::move(it->record);
  kept_.erase(it);
}

std::string StatePool::explain() const {
  const std::lock_guard lock(mutex_);
  struct Line {
    const Kept* kept;
    Worth worth;
  };
  std::vector<Line> lines;
  for (const Kept& kept : kept_) lines.push_back({&kept, worth_locked(kept)});
  std::stable_sort(lines.begin(), lines.end(),
                   [](const Line& a, const Line& b) { return a.worth.before(b.worth); });
  std::string out;
  for (const Line& line : lines) {
    const Worth& w = line.worth;
    out += fmt::format("{}: {:.1f} KiB of its own, {} tokens to read again, {} uses of others since: {}\n",
                       line.kept->note, static_cast<double>(w.own_bytes) / 1024, w.tokens, w.others,
                       w.held ? "held elsewhere, stays" : fmt::format("{:.0f}", w.going()));
  }
  return out;
}

}  // namespace gannet
