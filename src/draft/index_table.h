// Open addressing from keys of 64 bits to numbers of records that are kept elsewhere. Slots hold 32 bits of
// the key's hash, so that records are looked at only when they are very likely the right ones, and never to
// grow. Hashes are seeded (text/hash.h): texts and files cannot be made to fill one chain.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "text/hash.h"

namespace gannet {

class IndexTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // Of the records with this key the one for which same(number) holds; kNone: there is none. Different
  // records may have the same key.
  template <class Same>
  uint32_t find(uint64_t key, Same same) const {
    if (slots_.empty()) return kNone;
    const uint32_t part = hash(key);
    for (size_t i = home(part);; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.record == kNone) return kNone;
      if (slot.hash == part && same(slot.record)) return slot.record;
    }
  }

  // The record must not be in it yet.
  void insert(uint64_t key, uint32_t record) {
    if ((n_ + 1) * 3 > slots_.size() * 2) grow();
    put({hash(key), record});
    ++n_;
  }

  // The record must be in it.
  void erase(uint64_t key, uint32_t record) {
    size_t hole = home(hash(key));
    while (slots_[hole].record != record) hole = (hole + 1) & mask_;
    // What follows moves up where it may: never in front of its home.
    for (size_t i = (hole + 1) & mask_; slots_[i].record != kNone; i = (i + 1) & mask_) {
      if (((i - home(slots_[i].hash)) & mask_) < ((i - hole) & mask_)) continue;
      slots_[hole] = slots_[i];
      hole = i;
    }
    slots_[hole] = {};
    --n_;
  }

  void clear() {
    slots_.clear();
    n_ = mask_ = 0;
    shift_ = 32;
  }

 private:
  struct Slot {
    uint32_t hash = 0;
    uint32_t record = kNone;
  };
  uint32_t hash(uint64_t key) const { return static_cast<uint32_t>(hash_pair(key, seed_) >> 32); }
  size_t home(uint32_t hash) const { return hash >> shift_; }
  void put(Slot slot) {
    size_t i = home(slot.hash);
    while (slots_[i].record != kNone) i = (i + 1) & mask_;
    slots_[i] = slot;
  }
  void grow() {
    const std::vector<Slot> old =
        std::exchange(slots_, std::vector<Slot>(slots_.empty() ? 64 : 2 * slots_.size()));
    mask_ = slots_.size() - 1;
    shift_ = 32;
    for (size_t n = slots_.size(); n > 1; n /= 2) --shift_;
    for (const Slot& slot : old)
      if (slot.record != kNone) put(slot);
  }

  std::vector<Slot> slots_;
  size_t n_ = 0, mask_ = 0;
  int shift_ = 32;
  uint64_t seed_ = hash_seed();
};

}  // namespace gannet
