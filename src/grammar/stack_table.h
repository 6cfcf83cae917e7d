// Where a recogniser is in its grammar: sets of stacks, kept once and numbered. A set is frames, each a state
// and the set of stacks below it, so that stacks share what they have in common (a graph-structured stack,
// Tomita 1985, made canonical): equal sets have equal numbers, and what was computed for one is found again.
// Must not know: tokens.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "grammar/automaton.h"

namespace gannet {

struct StackLimits {
  uint32_t depth = 2000;  // frames above each other; deeper nesting is not allowed by the grammar then
  size_t closure =
      200'000;  // steps to find out what may come next: more means a grammar that is too ambiguous
};

// One thread at a time.
class StackTable {
 public:
  using Id = uint32_t;
  static constexpr Id kDead = 0;  // the empty set
  static constexpr Id kDone = 1;  // one stack, which is at the end

  struct Frame {
    uint32_t state;
    Id below;
    friend bool operator==(const Frame&, const Frame&) = default;
  };

  explicit StackTable(std::shared_ptr<const Automaton> automaton, const StackLimits& limits = {});

  const Automaton& automaton() const { return *automaton_; }

  // A configuration is a set whose frames all read a byte or are the end (state Automaton::kEnd). These are
  // such.
  Id start();
  Id only(uint32_t state);  // this state, which reads, and below it the end; not the rules that it may call
  Id closed(Id below);      // a set of stacks after their tops returned
  Id next(Id config, uint8_t byte) {
    const uint32_t c = automaton_->byte_class(byte);
    const Id* table = sets_[config].next;
    if (table != nullptr && table[c] != kUnknown) [[likely]]
      return table[c];
    return compute_next(config, byte);
  }

  // next() of one configuration, for those who read many bytes from it.
  class Reader {
   public:
    Reader() = default;
    Reader(const StackTable& table, Id config) : config_(config), next_(table.sets_[config].next) {}
    Id next(StackTable* table, uint8_t byte) {
      const uint32_t c = table->automaton_->byte_class(byte);
      if (next_ != nullptr && next_[c] != kUnknown) [[likely]]
        return next_[c];
      const Id to = table->compute_next(config_, byte);
      next_ = table->sets_[config_].next;
      return to;
    }

   private:
    Id config_ = kDead;
    const Id* next_ = nullptr;
  };

  std::span<const Frame> frames(Id set) const {
    return std::span(frames_).subspan(sets_[set].begin, sets_[set].count);
  }
  bool complete(Id config) const { return sets_[config].has_end; }
  bool can_read(Id config) const { return sets_[config].count > (sets_[config].has_end ? 1u : 0u); }

  // Set for good when a limit of the closure was met; what next() returned then is not to be used.
  bool failed() const { return failed_; }

  size_t bytes_used() const;
  // Forgets all sets but these, which get new numbers.
  void keep_only(std::span<Id* const> live);

 private:
  static constexpr Id kUnknown = UINT32_MAX;
  struct Set {
    uint32_t begin, count;
    uint32_t depth;
    bool has_end;
    Id closed = kUnknown;
    Id* next = nullptr;  // by class of bytes
  };

  void reset();
  Id intern(std::span<const Frame> frames);  // ascending by state
  Id unite(Id a, Id b);
  Id compute_next(Id config, uint8_t byte);
  void add(uint32_t state, Id below);  // to the closure being made
  Id close();                          // of what was added

  std::shared_ptr<const Automaton> automaton_;
  StackLimits limits_;
  std::vector<Set> sets_;
  std::vector<Frame> frames_;
  std::vector<uint32_t> slots_;  // hash table of sets: number + 1, or 0
  std::vector<std::unique_ptr<Id[]>> tables_;
  std::unordered_map<uint64_t, Id> united_;  // of two sets
  bool failed_ = false;

  // The closure in the making.
  std::vector<Frame> made_;
  std::vector<uint32_t> place_;  // by state: where in made_, + 1
  std::vector<uint32_t> todo_;   // places
  std::vector<bool> queued_;     // by place
  size_t steps_ = 0;
};

}  // namespace gannet
