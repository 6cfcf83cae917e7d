#include "state/sequence_state.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "base/check.h"
#include "state/state_record.h"

namespace gannet {
namespace {

// Page tables begin with room for a full context, if it has no more pages than this (4 million tokens).
constexpr int64_t kSteadyPages = 1 << 16;

size_t pages_for(int64_t n_tokens) {
  return static_cast<size_t>((n_tokens + kPageTokens - 1) / kPageTokens);
}

}  // namespace

struct SequenceState::Content {
  // Between prepare() and commit().
  struct Step {
    bool prepared = false, ran = false;
    bool keeps_all = false;
    int64_t n_rows = 0;
    int64_t next_base_at = 0;
    StatePiece* fresh_base = nullptr;  // null: written in place, or not at all
    StatePiece* fresh_ring = nullptr;
  };

  explicit Content(StatePool& pool) : record(pool) {}
  explicit Content(const StateRecord& other) : record(other) { fill_table(); }
  ~Content() {
    for (const StatePart part : kStateParts) drop(part);
  }

  Step& step(StatePart part) { return steps[part_index(part)]; }
  bool recurrent(StatePart part) const {
    return part == StatePart::kTrunk && !record.pool.layout().recurrent.empty();
  }
  // Tokens of a part, those of a step in progress included.
  std::array<int64_t, 2> ends() const {
    std::array<int64_t, 2> ends = record.length;
    for (size_t i = 0; i < ends.size(); ++i) ends[i] += steps[i].n_rows;
    return ends;
  }
  void fill_table();
  // Room for `n` pages in the table, which does not move while a step in progress of the other part reads it.
  void steady_table(size_t n);
  void drop(StatePart part);
  bool prepare_recurrent(bool kept, int64_t base_after, Step& step, StepSegments& segments);
  // The recurrent state is in the memory of the step now.
  void adopt(Step& step);

  StateRecord record;
  PageTable table;  // data of record.pages
  std::array<Step, kStateParts.size()> steps;
};

void SequenceState::Content::fill_table() {
  for (size_t m = 0; m < kMostMemories; ++m) {
    table[m].clear();
    for (const StatePiece* page : record.pages) table[m].push_back(page->data[m]);
  }
}

void SequenceState::Content::steady_table(size_t n) {
  const size_t full = pages_for(std::min(record.pool.options().max_tokens, kSteadyPages * kPageTokens));
  for (auto& addresses : table) {
    if (std::max(n, full) <= addresses.capacity()) continue;
    for (const Step& s : steps) GANNET_CHECK(!s.prepared || s.ran, "the page table of a step would move");
    addresses.reserve(n <= full ? full : 2 * n);
  }
}

void SequenceState::Content::drop(StatePart part) {
  Step& s = step(part);
  if (s.fresh_base != nullptr) record.pool.drop(StatePool::kSlot, s.fresh_base);
  if (s.fresh_ring != nullptr) record.pool.drop(StatePool::kRing, s.fresh_ring);
  s = {};
}

void SequenceState::Content::adopt(Step& s) {
  record.base_at = s.next_base_at;
  if (s.fresh_base != nullptr)
    record.pool.drop(StatePool::kSlot, std::exchange(record.base, std::exchange(s.fresh_base, nullptr)));
  if (s.fresh_ring != nullptr)
    record.pool.drop(StatePool::kRing, std::exchange(record.ring, std::exchange(s.fresh_ring, nullptr)));
}

bool SequenceState::Content::prepare_recurrent(bool kept, int64_t base_after, Step& s,
                                               StepSegments& segments) {
  StatePool& pool = record.pool;
  const int64_t open_rows = pool.options().open_rows, pending = record.pending();
  const auto ready = [](StatePiece*& piece, StatePiece* taken) { return (piece = taken) != nullptr; };
  if (record.base == nullptr && !ready(record.base, pool.zero_slot())) return false;
  s.keeps_all = kept || s.n_rows > open_rows || open_rows == 0;
  s.next_base_at = record.base_at;
  const int64_t n_in_base = !s.keeps_all ? 0 : base_after < 0 ? s.n_rows : base_after;
  GANNET_CHECK(n_in_base <= s.n_rows && s.n_rows - n_in_base <= open_rows, "a base too far from the end");
  const int64_t n_past = segments[0].n_past;
  StatePiece* next_base = nullptr;
  const bool own_ring = record.ring != nullptr && pool.sole(record.ring);
  if (n_in_base < s.n_rows && pending == 0 && !own_ring) {
    // The old one holds nothing of this sequence.
    if (record.ring != nullptr) pool.drop(StatePool::kRing, std::exchange(record.ring, nullptr));
    if (!ready(record.ring, pool.take(StatePool::kRing))) return false;
  }
  if (s.keeps_all) {
    // Into other memory: the sequence can still be as long as it is now.
    s.next_base_at = n_past + n_in_base;
    if (s.next_base_at > record.base_at && !ready(s.fresh_base, pool.take(StatePool::kSlot))) return false;
    next_base = s.fresh_base;
    if (n_in_base < s.n_rows && pending > 0 && !ready(s.fresh_ring, pool.take(StatePool::kRing)))
      return false;
  } else if (s.n_rows > 0) {
    if (pending >= pool.options().fold_at || (pending > 0 && !own_ring)) {
      // In place where nobody else holds the base: where the sequence ends now is as early as it can get.
      s.next_base_at = n_past;
      if (!own_ring && !ready(s.fresh_ring, pool.take(StatePool::kRing))) return false;
      if (!pool.sole(record.base) && !ready(s.fresh_base, pool.take(StatePool::kSlot))) return false;
      next_base = s.fresh_base != nullptr ? s.fresh_base : record.base;
    }
  }
  for (size_t m = 0; m < kMostMemories; ++m) {
    const auto data = [&](const StatePiece* piece) { return piece != nullptr ? piece->data[m] : nullptr; };
    StepSegment& segment = segments[m];
    segment.base = data(record.base);
    segment.next_base = data(next_base);
    segment.ring = data(record.ring);
    segment.next_ring = data(s.fresh_ring != nullptr ? s.fresh_ring : record.ring);
    segment.base_at = record.base_at;
    segment.next_base_at = s.next_base_at;
    segment.ring_entries = pool.places().ring_entries;
  }
  return true;
}

SequenceState::SequenceState(std::shared_ptr<StatePool> pool)
    : pool_(std::move(pool)), content_(std::make_unique<Content>(*pool_)) {}
SequenceState::SequenceState(std::shared_ptr<StatePool> pool, std::unique_ptr<Content> content)
    : pool_(std::move(pool)), content_(std::move(content)) {}
SequenceState::SequenceState(SequenceState&&) noexcept = default;
SequenceState& SequenceState::operator=(SequenceState&& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(content_, other.content_);
  return *this;
}
SequenceState::~SequenceState() = default;

int64_t SequenceState::length(StatePart part) const {
  return content_->record.length_of(part);
}
int64_t SequenceState::earliest(StatePart part) const {
  return part == StatePart::kTrunk ? content_->record.base_at : 0;
}

void SequenceState::drop_steps_not_run() {
  for (const StatePart part : kStateParts)
    if (!content_->step(part).ran) content_->drop(part);
}

SequenceState SequenceState::fork() {
  drop_steps_not_run();
  return SequenceState(pool_, std::make_unique<Content>(content_->record));
}

StateSnapshot SequenceState::snapshot() {
  drop_steps_not_run();
  StateSnapshot s;
  s.pool_ = pool_;
  s.record_ = std::make_shared<const StateRecord>(content_->record);
  return s;
}

void SequenceState::rollback(const StateSnapshot& snapshot) {
  if (snapshot.record_ == nullptr) return clear();
  GANNET_CHECK(snapshot.pool_ == pool_, "a snapshot of another pool");
  for (const StatePart part : kStateParts) content_->drop(part);
  content_->record.become(*snapshot.record_);
  content_->fill_table();
}

void SequenceState::clear() {
  for (const StatePart part : kStateParts) content_->drop(part);
  content_->record.clear();
  content_->fill_table();
}

bool SequenceState::truncate(StatePart part, int64_t length) {
  if (length < earliest(part) || length > this->length(part)) return false;
  content_->drop(part);
  content_->record.length[part_index(part)] = length;
  content_->record.drop_shared_ring();
  const auto ends = content_->ends();
  const int64_t longest = std::max(ends[0], ends[1]);
  content_->record.shrink(pages_for(longest));
  for (auto& addresses : content_->table) addresses.resize(content_->record.pages.size());
  return true;
}

Result<void> SequenceState::prepare(StatePart part, int64_t n_rows, bool kept, StepSegments& segments,
                                    int64_t base_after) {
  Content& c = *content_;
  c.drop(part);
  const int64_t n_past = length(part), max_tokens = pool_->options().max_tokens;
  if (n_rows > max_tokens - n_past)
    return Error(
        ErrorCode::kRuntime,
        fmt::format("the context is full: {} tokens are stored, {} more asked for, {} fit; raise --ctx-size",
                    n_past, n_rows, max_tokens));
  c.steady_table(pages_for(n_past + n_rows));
  if (!c.record.make_room(part, n_rows, c.ends(), c.table)) return pool_->short_of_memory(n_past + n_rows);

  for (size_t m = 0; m < kMostMemories; ++m) {
    StepSegment& segment = segments[m];
    segment = {};
    segment.n_rows = n_rows;
    segment.n_past = segment.base_at = segment.next_base_at = n_past;
    segment.pages = c.table[m].data();
  }
  Content::Step& step = c.step(part);
  step.n_rows = n_rows;
  if (c.recurrent(part) && !c.prepare_recurrent(kept, base_after, step, segments)) {
    c.drop(part);
    return pool_->short_of_memory(n_past + n_rows);
  }
  step.prepared = true;
  return {};
}

void SequenceState::ran(StatePart part) {
  Content::Step& step = content_->step(part);
  GANNET_CHECK(step.prepared && !step.ran, "a step ran that was not prepared, or was dropped");
  step.ran = true;
  if (content_->recurrent(part) && !step.keeps_all) content_->adopt(step);
}

void SequenceState::commit(StatePart part, int64_t n_rows) {
  Content::Step& step = content_->step(part);
  GANNET_CHECK(n_rows >= 0 && n_rows <= step.n_rows, "more tokens are committed than were prepared");
  GANNET_CHECK(n_rows == 0 || step.ran, "tokens are committed that did not run");
  GANNET_CHECK(n_rows == 0 || n_rows == step.n_rows || !step.keeps_all,
               "fewer tokens are committed than were run, but recurrent state is behind all of them");
  if (step.keeps_all && step.ran && n_rows == step.n_rows) content_->adopt(step);
  content_->record.length[part_index(part)] += n_rows;
  content_->drop(part);
}

}  // namespace gannet
