#include "grammar/stack_table.h"

#include <algorithm>

#include "base/check.h"

namespace gannet {
namespace {

uint64_t hash_frames(std::span<const StackTable::Frame> frames) {
  uint64_t h = frames.size();
  for (const auto& f : frames) {
    h = (h ^ ((uint64_t{f.state} << 32) | f.below)) * 0x9E3779B97F4A7C15u;
    h ^= h >> 31;
  }
  return h;
}

}  // namespace

StackTable::StackTable(std::shared_ptr<const Automaton> automaton, const StackLimits& limits)
    : automaton_(std::move(automaton)), limits_(limits), place_(automaton_->n_states()) {
  reset();
}

void StackTable::reset() {
  sets_.clear();
  frames_.clear();
  tables_.clear();
  united_.clear();
  slots_.assign(1024, 0);
  intern({});
  const Frame end[] = {{Automaton::kEnd, kDead}};
  intern(end);
}

StackTable::Id StackTable::intern(std::span<const Frame> frames) {
  size_t at = hash_frames(frames) & (slots_.size() - 1);
  for (; slots_[at] != 0; at = (at + 1) & (slots_.size() - 1))
    if (std::ranges::equal(this->frames(slots_[at] - 1), frames)) return slots_[at] - 1;
  uint32_t depth = 0;
  for (const Frame& f : frames) depth = std::max(depth, sets_[f.below].depth + 1);
  const auto id = static_cast<Id>(sets_.size());
  const bool has_end = !frames.empty() && frames[0].state == Automaton::kEnd;
  sets_.push_back(
      {static_cast<uint32_t>(frames_.size()), static_cast<uint32_t>(frames.size()), depth, has_end});
  frames_.insert(frames_.end(), frames.begin(), frames.end());
  slots_[at] = id + 1;
  if (sets_.size() * 2 > slots_.size()) {
    slots_.assign(slots_.size() * 2, 0);
    for (Id s = 0; s < sets_.size(); ++s) {
      at = hash_frames(this->frames(s)) & (slots_.size() - 1);
      while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = s + 1;
    }
  }
  return id;
}

StackTable::Id StackTable::unite(Id a, Id b) {
  if (a == b || b == kDead) return a;
  if (a == kDead) return b;
  if (a > b) std::swap(a, b);
  const uint64_t both = (uint64_t{a} << 32) | b;
  if (const auto it = united_.find(both); it != united_.end()) return it->second;
  if (++steps_ > limits_.closure) return a;  // close() finds out
  std::vector<Frame> merged;
  // By number: making sets below moves the frames of all.
  uint32_t i = 0, j = 0;
  while (i < sets_[a].count || j < sets_[b].count) {
    if (j == sets_[b].count) {
      merged.push_back(frames_[sets_[a].begin + i++]);
      continue;
    }
    if (i == sets_[a].count) {
      merged.push_back(frames_[sets_[b].begin + j++]);
      continue;
    }
    const Frame x = frames_[sets_[a].begin + i], y = frames_[sets_[b].begin + j];
    if (x.state == y.state) {
      merged.push_back({x.state, unite(x.below, y.below)});
      ++i, ++j;
    } else if (x.state < y.state) {
      merged.push_back(x);
      ++i;
    } else {
      merged.push_back(y);
      ++j;
    }
  }
  return united_[both] = intern(merged);
}

void StackTable::add(uint32_t state, Id below) {
  uint32_t& place = place_[state];
  if (place == 0) {
    made_.push_back({state, below});
    queued_.push_back(true);
    place = static_cast<uint32_t>(made_.size());
    todo_.push_back(place - 1);
    return;
  }
  const Id united = unite(made_[place - 1].below, below);
  if (united == made_[place - 1].below) return;
  made_[place - 1].below = united;
  if (!queued_[place - 1]) {
    queued_[place - 1] = true;
    todo_.push_back(place - 1);
  }
}

StackTable::Id StackTable::close() {
  while (!todo_.empty()) {
    const uint32_t at = todo_.back();
    todo_.pop_back();
    queued_[at] = false;
    if (++steps_ > limits_.closure) {
      failed_ = true;
      todo_.clear();
      break;
    }
    const Frame top = made_[at];
    if (automaton_->accepts(top.state))
      for (uint32_t i = 0; i < sets_[top.below].count; ++i) {
        const Frame f = frames_[sets_[top.below].begin + i];
        add(f.state, f.below);
        ++steps_;
      }
    for (const Automaton::Call& call : automaton_->calls(top.state)) {
      ++steps_;
      Id below = top.below;
      // A call that is the last thing of its rule returns to where the rule would.
      const bool last = automaton_->accepts(call.to) && automaton_->edges(call.to).empty() &&
                        automaton_->calls(call.to).empty();
      if (!last) {
        if (sets_[top.below].depth >= limits_.depth) continue;
        const Frame frame[] = {{call.to, top.below}};
        below = intern(frame);
      }
      add(call.start, below);
    }
  }
  std::vector<Frame> kept;
  for (const Frame& f : made_) {
    place_[f.state] = 0;
    if (f.state == Automaton::kEnd || !automaton_->edges(f.state).empty()) kept.push_back(f);
  }
  made_.clear();
  queued_.clear();
  if (steps_ > limits_.closure) failed_ = true;
  steps_ = 0;
  std::ranges::sort(kept, {}, &Frame::state);
  return intern(kept);
}

StackTable::Id StackTable::start() {
  add(automaton_->start(), kDone);
  return close();
}

StackTable::Id StackTable::only(uint32_t state) {
  const Frame frame[] = {{state, kDone}};
  return intern(frame);
}

StackTable::Id StackTable::closed(Id below) {
  if (sets_[below].closed == kUnknown) {
    for (uint32_t i = 0; i < sets_[below].count; ++i) {
      const Frame f = frames_[sets_[below].begin + i];
      add(f.state, f.below);
    }
    const Id config = close();
    sets_[below].closed = config;
  }
  return sets_[below].closed;
}

StackTable::Id StackTable::compute_next(Id config, uint8_t byte) {
  for (uint32_t i = 0; i < sets_[config].count; ++i) {
    const Frame f = frames_[sets_[config].begin + i];
    const uint32_t to = automaton_->next(f.state, byte);
    if (to != Automaton::kEnd) add(to, f.below);
  }
  const Id to = close();
  Set& set = sets_[config];
  if (set.next == nullptr) {
    tables_.push_back(std::make_unique<Id[]>(automaton_->n_classes()));
    set.next = tables_.back().get();
    std::fill_n(set.next, automaton_->n_classes(), kUnknown);
  }
  return set.next[automaton_->byte_class(byte)] = to;
}

size_t StackTable::bytes_used() const {
  return sets_.capacity() * sizeof(Set) + frames_.capacity() * sizeof(Frame) +
         slots_.size() * sizeof(uint32_t) + tables_.size() * (automaton_->n_classes() + 4) * sizeof(Id) +
         united_.size() * 40;
}

void StackTable::keep_only(std::span<Id* const> live) {
  const std::vector<Set> sets = std::move(sets_);
  const std::vector<Frame> frames = std::move(frames_);
  reset();
  std::vector<Id> moved(sets.size(), kUnknown);
  moved[kDead] = kDead;
  moved[kDone] = kDone;
  std::vector<Id> todo;
  std::vector<Frame> made;
  for (Id* const id : live) {
    todo.push_back(*id);
    while (!todo.empty()) {
      const Id set = todo.back();
      if (moved[set] != kUnknown) {
        todo.pop_back();
        continue;
      }
      made.assign(frames.begin() + sets[set].begin, frames.begin() + sets[set].begin + sets[set].count);
      const size_t before = todo.size();
      for (Frame& f : made) {
        if (moved[f.below] == kUnknown) todo.push_back(f.below);
        f.below = moved[f.below];
      }
      if (todo.size() > before) continue;  // those first
      moved[set] = intern(made);
      todo.pop_back();
    }
    *id = moved[*id];
  }
}

}  // namespace gannet
