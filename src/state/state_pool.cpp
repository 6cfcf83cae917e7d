#include "state/state_pool.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/check.h"
#include "state/state_record.h"

namespace gannet {
namespace {

// What a sequence may have left behind the base when a step begins, and the rows of that step.
int64_t ring_entries(const StatePoolOptions& o) {
  return o.open_rows == 0 ? 0 : o.fold_at - 1 + 2 * o.open_rows;
}

PerMemory<int64_t> bytes_of(const StatePlaces& places, int64_t StatePlaces::Bytes::*kind) {
  PerMemory<int64_t> bytes;
  for (size_t m = 0; m < kMostMemories; ++m) bytes[m] = places.in[m].*kind;
  return bytes;
}

double mib(int64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

}  // namespace

int64_t StateSnapshot::length(StatePart part) const {
  return record_ ? record_->length_of(part) : 0;
}

StatePool::StatePool(StateLayout layout, StatePoolOptions options)
    : layout_(std::move(layout)),
      options_(std::move(options)),
      places_(layout_, layout_.recurrent.empty() ? 0 : ring_entries(options_)),
      pieces_{StatePieces(bytes_of(places_, &StatePlaces::Bytes::page), options_.memories),
              StatePieces(bytes_of(places_, &StatePlaces::Bytes::slot), options_.memories),
              StatePieces(bytes_of(places_, &StatePlaces::Bytes::ring), options_.memories)} {
  GANNET_CHECK(options_.open_rows >= 0 && options_.open_rows <= 64 && options_.fold_at >= 1);
}

StatePool::~StatePool() {
  kept_.clear();
}

int64_t StatePool::bytes_in_use_locked() const {
  int64_t bytes = 0;
  for (const StatePieces& pieces : pieces_) bytes += pieces.in_use() * pieces.bytes();
  return bytes;
}

StateCounters StatePool::counters() const {
  const std::lock_guard lock(mutex_);
  StateCounters c = counts_;
  c.pages = pieces_[kPage].in_use();
  c.slots = pieces_[kSlot].in_use();
  c.rings = pieces_[kRing].in_use();
  c.bytes_in_use = bytes_in_use_locked();
  for (const StatePieces& pieces : pieces_) c.bytes_reserved += pieces.bytes_reserved();
  return c;
}

bool StatePool::lost() const {
  return std::ranges::any_of(options_.memories,
                             [](const auto& memory) { return memory != nullptr && memory->lost(); });
}

StatePiece* StatePool::take(Kind kind, const void* holder) {
  StatePieces& pieces = pieces_[kind];
  const int64_t most = options_.most_bytes;
  for (;;) {
    std::shared_ptr<const StateRecord> victim;  // goes without the lock
    const std::lock_guard lock(mutex_);
    if (most == 0 || bytes_in_use_locked() + pieces.bytes() <= most) {
      StatePiece* piece = pieces.take();
      int64_t reserved = 0;
      for (const StatePieces& p : pieces_) reserved += p.bytes_reserved();
      if (piece == nullptr || (most > 0 && reserved > most))
        for (StatePieces& p : pieces_) p.trim();
      if (piece == nullptr) piece = pieces.take();
      if (piece != nullptr) {
        piece->refs = 1;
        piece->writer = holder;
        piece->relied_rows = {};
        return piece;
      }
    }
    victim = give_up_locked();
    if (victim == nullptr) return nullptr;
  }
}

void StatePool::drop_locked(Kind kind, StatePiece* piece, const void* holder) {
  if (piece->writer == holder) piece->writer = nullptr;
  if (--piece->refs > 0) return;
  if (piece == zero_) zero_ = nullptr;
  pieces_[kind].give_back(piece);
}

void StatePool::drop(Kind kind, StatePiece* piece, const void* holder) {
  const std::lock_guard lock(mutex_);
  drop_locked(kind, piece, holder);
}

StatePiece* StatePool::zero_slot() {
  const auto there = [&] {
    const std::lock_guard lock(mutex_);
    if (zero_ != nullptr) ++zero_->refs;
    return zero_;
  };
  if (StatePiece* piece = there()) return piece;
  StatePiece* piece = take(kSlot);
  if (piece == nullptr) return nullptr;
  for (size_t m = 0; m < kMostMemories; ++m)
    if (places_.in[m].slot > 0) options_.memories[m]->zero(piece->data[m], places_.in[m].slot);
  const std::lock_guard lock(mutex_);
  if (zero_ == nullptr) zero_ = piece;  // another thread may have been faster; two do no harm
  return piece;
}

bool StatePool::sole(StatePiece* piece) {
  const std::lock_guard lock(mutex_);
  if (piece->refs > 1) return false;
  if (piece == zero_) zero_ = nullptr;
  return true;
}

Error StatePool::short_of_memory(int64_t n_tokens) const {
  const int64_t in_use = counters().bytes_in_use;
  const std::string what = fmt::format(
      "no memory for the state of {} tokens ({} bytes per token): ", n_tokens, layout_.kv_bytes_per_token());
  if (options_.most_bytes == 0)
    return Error(ErrorCode::kOutOfMemory,
                 what + fmt::format("{:.1f} MiB are in use and the system gives no more; lower --ctx-size or "
                                    "end other sequences",
                                    mib(in_use)));
  return Error(ErrorCode::kOutOfMemory,
               what + fmt::format("{:.1f} MiB of the {:.1f} MiB that states may take are in use; raise that "
                                  "limit, lower --ctx-size or end other sequences",
                                  mib(in_use), mib(options_.most_bytes)));
}

}  // namespace gannet
