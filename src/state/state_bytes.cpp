#include "state/state_bytes.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/check.h"
#include "state/state_record.h"

namespace gannet {
namespace {

// A run of rows of one head in one page.
struct Run {
  size_t part, memory;
  int64_t first, n;  // rows
  size_t page;
  int64_t offset, row_bytes;  // into the page
  int64_t at;                 // where it is in the bytes
};

// Calls visit(run) for every run.
template <class Visit>
void for_each_run(const StatePool& pool, const StateLengths& from, const StateLengths& to,
                  const Visit& visit) {
  int64_t at = 0;
  for (size_t i = 0; i < pool.layout().kv.size(); ++i) {
    const StateLayout::KvLayer& layer = pool.layout().kv[i];
    const size_t part = part_index(layer.part);
    const auto walk = [&](int64_t offset, DType type) {
      const int64_t row = row_bytes(type, layer.head_dim);
      for (int64_t head = 0; head < layer.n_kv_heads; ++head)
        for (int64_t t = from[part]; t < to[part];) {
          const int64_t end = std::min(to[part], (t / kPageTokens + 1) * kPageTokens), n = end - t;
          visit(Run{part, layer.memory, t, n, static_cast<size_t>(t / kPageTokens),
                    offset + (head * kPageTokens + t % kPageTokens) * row, row, at});
          at += n * row;
          t = end;
        }
    };
    walk(pool.places().kv[i].k, layer.k_type);
    walk(pool.places().kv[i].v, layer.v_type);
  }
}

int64_t base_bytes(const StateLayout::Recurrent& layer) {
  return layer.shape.elements() * int64_t{sizeof(float)};
}

// Without what rings put between entries.
int64_t entry_bytes(const StateLayout::Recurrent& layer) {
  return layer.entry_floats * int64_t{sizeof(float)};
}

Error wrong(const std::string& what) {
  return Error(ErrorCode::kRuntime, "the stored state does not fit: " + what);
}

}  // namespace

StateLengths lengths_of(const StateSnapshot& snapshot) {
  return {snapshot.length(StatePart::kTrunk), snapshot.length(StatePart::kMtp)};
}

int64_t kv_bytes(const StateLayout& layout, const StateLengths& from, const StateLengths& to) {
  int64_t bytes = 0;
  for (const StateLayout::KvLayer& layer : layout.kv) {
    const size_t part = part_index(layer.part);
    bytes += std::max<int64_t>(0, to[part] - from[part]) * layer.n_kv_heads *
             (row_bytes(layer.k_type, layer.head_dim) + row_bytes(layer.v_type, layer.head_dim));
  }
  return bytes;
}

int64_t recurrent_bytes(const StateLayout& layout, int64_t n_pending) {
  int64_t bytes = 0;
  for (const StateLayout::Recurrent& layer : layout.recurrent)
    bytes += base_bytes(layer) + n_pending * entry_bytes(layer);
  return bytes;
}

// Without the lock, as StateRecord::copy_rows(): what a snapshot relies on is not written by anybody.
void read_kv(const StateSnapshot& snapshot, const StateLengths& from, const StateLengths& to,
             std::span<std::byte> out) {
  const StateRecord& record = snapshot_record(snapshot);
  const StatePool& pool = record.pool;
  GANNET_CHECK(std::ssize(out) == kv_bytes(pool.layout(), from, to), "room of another size");
  for (const StatePart part : kStateParts)
    GANNET_CHECK(to[part_index(part)] <= record.length_of(part), "tokens that the snapshot does not hold");
  for_each_run(pool, from, to, [&](const Run& run) {
    pool.options().memories[run.memory]->read(
        record.pages[run.page]->data[run.memory] + run.offset,
        out.subspan(static_cast<size_t>(run.at), static_cast<size_t>(run.n * run.row_bytes)));
  });
}

Result<void> check_read(const StateSnapshot& snapshot) {
  if (!snapshot_record(snapshot).pool.lost()) return {};
  return Error(ErrorCode::kDevice, "the state is lost with the device that it was on");
}

RecurrentBytes read_recurrent(const StateSnapshot& snapshot) {
  const StateRecord& record = snapshot_record(snapshot);
  const StatePool& pool = record.pool;
  const StateLayout& layout = pool.layout();
  const int64_t pending = record.pending();
  RecurrentBytes out{record.base_at, {}};
  if (layout.recurrent.empty()) return out;
  out.bytes.resize(static_cast<size_t>(recurrent_bytes(layout, pending)));
  std::byte* to = out.bytes.data();
  const auto read = [&](size_t memory, const StatePiece& piece, int64_t offset, int64_t bytes) {
    pool.options().memories[memory]->read(piece.data[memory] + offset, {to, static_cast<size_t>(bytes)});
    to += bytes;
  };
  for (size_t i = 0; i < layout.recurrent.size(); ++i)
    if (record.base != nullptr)  // else zeros
      read(layout.recurrent[i].memory, *record.base, pool.places().recurrent[i].base,
           base_bytes(layout.recurrent[i]));
    else
      to += base_bytes(layout.recurrent[i]);
  for (size_t i = 0; i < layout.recurrent.size(); ++i)
    for (int64_t p = record.base_at; p < record.length_of(StatePart::kTrunk); ++p) {
      const StatePlaces::Recurrent& place = pool.places().recurrent[i];
      read(layout.recurrent[i].memory, *record.ring,
           place.ring + p % pool.places().ring_entries * place.entry_bytes, entry_bytes(layout.recurrent[i]));
    }
  return out;
}

StateBuilder::StateBuilder(std::shared_ptr<StatePool> pool, const StateSnapshot& beginning)
    : pool_(std::move(pool)), record_(std::make_shared<StateRecord>(*pool_)) {
  if (beginning.length() > 0) record_->become(snapshot_record(beginning));
}
StateBuilder::~StateBuilder() = default;

const StateLengths& StateBuilder::lengths() const {
  return record_->length;
}

Result<void> StateBuilder::add_kv(const StateLengths& from, const StateLengths& to,
                                  std::span<const std::byte> bytes) {
  if (std::ssize(bytes) != kv_bytes(pool_->layout(), from, to)) return wrong("K and V of another size");
  StateLengths have = record_->length, ends;
  for (size_t i = 0; i < ends.size(); ++i) {
    if (from[i] < 0 || from[i] > have[i] || to[i] < from[i]) return wrong("tokens are missing in between");
    if (to[i] > pool_->options().max_tokens) return wrong("it is longer than the context");
    ends[i] = std::max(have[i], to[i]);
  }
  PageTable table;
  for (auto& addresses : table) addresses.resize(record_->pages.size());
  for (const StatePart part : kStateParts) {
    const size_t i = part_index(part);
    if (!record_->make_room(part, ends[i] - have[i], ends, table))
      return Error(ErrorCode::kOutOfMemory, "no memory for a stored state");
    record_->length[i] = ends[i];
  }
  for_each_run(*pool_, from, to, [&](const Run& run) {
    const int64_t skip = std::clamp<int64_t>(have[run.part] - run.first, 0, run.n);
    if (skip == run.n) return;
    pool_->options().memories[run.memory]->write(
        record_->pages[run.page]->data[run.memory] + run.offset + skip * run.row_bytes,
        bytes.subspan(static_cast<size_t>(run.at + skip * run.row_bytes),
                      static_cast<size_t>((run.n - skip) * run.row_bytes)));
  });
  return {};
}

Result<StateSnapshot> StateBuilder::finish(int64_t length, int64_t base_at,
                                           std::span<const std::byte> recurrent) {
  const StateLayout& layout = pool_->layout();
  const StatePlaces& places = pool_->places();
  if (record_->length_of(StatePart::kTrunk) != length) return wrong("it is not of as many tokens as it says");
  const int64_t pending = length - base_at;
  if (base_at < 0 || pending < 0) return wrong("its base lies behind its end");
  if (std::ssize(recurrent) != recurrent_bytes(layout, pending))
    return wrong("recurrent state of another size");
  if (!layout.recurrent.empty()) {
    if (pending > std::max<int64_t>(0, places.ring_entries - pool_->options().open_rows))
      return wrong("more open tokens than these options have room for");
    const auto renew = [&](StatePool::Kind kind, StatePiece*& piece) {
      if (piece != nullptr) pool_->drop(kind, std::exchange(piece, nullptr));
      return (piece = pool_->take(kind)) != nullptr;
    };
    if (!renew(StatePool::kSlot, record_->base) || (pending > 0 && !renew(StatePool::kRing, record_->ring)))
      return Error(ErrorCode::kOutOfMemory, "no memory for a stored state");
    const std::byte* from = recurrent.data();
    const auto write = [&](size_t memory, const StatePiece& piece, int64_t offset, int64_t bytes) {
      pool_->options().memories[memory]->write(piece.data[memory] + offset,
                                               {from, static_cast<size_t>(bytes)});
      from += bytes;
    };
    for (size_t i = 0; i < layout.recurrent.size(); ++i)
      write(layout.recurrent[i].memory, *record_->base, places.recurrent[i].base,
            base_bytes(layout.recurrent[i]));
    for (size_t i = 0; i < layout.recurrent.size(); ++i)
      for (int64_t p = base_at; p < length; ++p)
        write(layout.recurrent[i].memory, *record_->ring,
              places.recurrent[i].ring + p % places.ring_entries * places.recurrent[i].entry_bytes,
              entry_bytes(layout.recurrent[i]));
    record_->base_at = base_at;
  }
  {
    // Whoever goes on from here may append to the last page.
    const std::lock_guard lock(pool_->mutex_);
    for (StatePiece* page : record_->pages)
      if (page->writer == record_.get()) page->writer = nullptr;
  }
  StateSnapshot snapshot;
  snapshot.pool_ = pool_;
  snapshot.record_ = std::move(record_);
  return snapshot;
}

}  // namespace gannet
