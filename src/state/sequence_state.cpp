#include "state/sequence_state.h"

#include <algorithm>
#include <cstring>

#include <fmt/core.h>

#include "base/check.h"
#include "base/huge_pages.h"

namespace gannet {
namespace {

using Memory = std::shared_ptr<std::byte>;

int64_t round_up(int64_t n, int64_t to) {
  return (n + to - 1) / to * to;
}

int64_t k_page_bytes(const StateLayout& layout, const StateLayout::KvLayer& kv) {
  return round_up(kPageTokens * kv.n_kv_heads * row_bytes(layout.k_type, kv.head_dim), 64);
}
int64_t v_page_bytes(const StateLayout& layout, const StateLayout::KvLayer& kv) {
  return round_up(kPageTokens * kv.n_kv_heads * row_bytes(layout.v_type, kv.head_dim), 64);
}
int64_t recurrent_stride(const StateLayout::Recurrent& r) {
  return round_up(r.shape.elements() * static_cast<int64_t>(sizeof(float)), 64);
}

}  // namespace

int64_t StateLayout::kv_bytes_per_token() const {
  int64_t bytes = 0;
  for (const KvLayer& layer : kv)
    bytes += layer.n_kv_heads * (row_bytes(k_type, layer.head_dim) + row_bytes(v_type, layer.head_dim));
  return bytes;
}

int64_t StateLayout::recurrent_bytes() const {
  int64_t bytes = 0;
  for (const Recurrent& r : recurrent) bytes += r.shape.elements() * static_cast<int64_t>(sizeof(float));
  return bytes;
}

struct StateSnapshot::Content {
  int64_t length = 0;
  std::vector<Memory> pages;
  Memory slot;  // null: the zero state
};

int64_t StateSnapshot::length() const {
  return content_ ? content_->length : 0;
}

// Equal pieces cut from slabs. A slab is as many as fill whole huge pages without much left over.
struct StatePool::Pieces {
  int64_t bytes = 0;  // of a piece
  std::vector<HugeMemory> slabs;
  std::vector<std::byte*> free;

  bool grow() {
    constexpr int64_t kMostWaste = 8;  // one part of so many
    int64_t n = std::max<int64_t>(1, kHugePage / bytes);
    const int64_t most = n + 16;
    while (n < most && to_huge_pages(n * bytes) - n * bytes > n * bytes / kMostWaste) ++n;
    HugeMemory slab(n * bytes);
    if (slab.data() == nullptr) return false;
    for (int64_t i = n; i-- > 0;) free.push_back(slab.data() + i * bytes);
    slabs.push_back(std::move(slab));
    return true;
  }
};

// Every live piece holds the pool, so this outlives them.
struct StatePool::Slabs {
  Pieces pages, slots;
};

StatePool::StatePool(StateLayout layout, int64_t max_tokens)
    : layout_(std::move(layout)),
      max_tokens_(max_tokens),
      page_bytes_(0),
      slot_bytes_(0),
      slabs_(std::make_shared<Slabs>()) {
  for (const auto& kv : layout_.kv) page_bytes_ += k_page_bytes(layout_, kv) + v_page_bytes(layout_, kv);
  for (const auto& r : layout_.recurrent) slot_bytes_ += recurrent_stride(r);
  slabs_->pages.bytes = page_bytes_;
  slabs_->slots.bytes = slot_bytes_;
}

StatePool::Memory StatePool::take(Pieces& pieces, int64_t& in_use) {
  if (pieces.free.empty() && !pieces.grow()) return nullptr;
  std::byte* data = pieces.free.back();
  pieces.free.pop_back();
  ++in_use;
  auto self = shared_from_this();
  return Memory(data, [self, &pieces, &in_use](std::byte* p) {
    pieces.free.push_back(p);
    --in_use;
  });
}

StatePool::Memory StatePool::new_page() {
  return take(slabs_->pages, pages_in_use_);
}
StatePool::Memory StatePool::new_slot() {
  return take(slabs_->slots, slots_in_use_);
}

StateBindings::StateBindings(const StateLayout& layout)
    : kv_(layout.kv.size()), recurrent_(layout.recurrent.size()) {
  int64_t offset = 0;
  for (size_t i = 0; i < layout.kv.size(); ++i) {
    KvView& view = kv_[i];
    view.k_offset = offset;
    offset += k_page_bytes(layout, layout.kv[i]);
    view.v_offset = offset;
    offset += v_page_bytes(layout, layout.kv[i]);
    view.page_tokens = kPageTokens;
    view.n_kv_heads = layout.kv[i].n_kv_heads;
    view.head_dim = layout.kv[i].head_dim;
    view.k_type = layout.k_type;
    view.v_type = layout.v_type;
    by_name_[layout.kv[i].name] = &view;
  }
  for (size_t i = 0; i < layout.recurrent.size(); ++i) by_name_[layout.recurrent[i].name] = &recurrent_[i];
}

void* StateBindings::find(const std::string& name) {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : it->second;
}

SequenceState::SequenceState(std::shared_ptr<StatePool> pool)
    : SequenceState(std::move(pool), std::make_shared<StateSnapshot::Content>()) {}
SequenceState::SequenceState(std::shared_ptr<StatePool> pool, std::shared_ptr<StateSnapshot::Content> content)
    : pool_(std::move(pool)), content_(std::move(content)) {}
SequenceState::SequenceState(SequenceState&&) noexcept = default;
SequenceState& SequenceState::operator=(SequenceState&&) noexcept = default;
SequenceState::~SequenceState() = default;

int64_t SequenceState::length() const {
  return content_->length;
}

SequenceState SequenceState::fork() const {
  return SequenceState(pool_, std::make_shared<StateSnapshot::Content>(*content_));
}

StateSnapshot SequenceState::snapshot() const {
  StateSnapshot s;
  s.content_ = std::make_shared<const StateSnapshot::Content>(*content_);
  return s;
}

void SequenceState::rollback(const StateSnapshot& snapshot) {
  next_slot_ = nullptr;
  prepared_ = 0;
  content_ = snapshot.content_ ? std::make_shared<StateSnapshot::Content>(*snapshot.content_)
                               : std::make_shared<StateSnapshot::Content>();
}

void SequenceState::clear() {
  next_slot_ = nullptr;
  prepared_ = 0;
  content_ = std::make_shared<StateSnapshot::Content>();
}

Result<void> SequenceState::prepare(int64_t n_tokens, StateBindings& bindings) {
  StateSnapshot::Content& c = *content_;
  const StateLayout& layout = pool_->layout();
  prepared_ = 0;
  if (n_tokens > pool_->max_tokens() - c.length)
    return Error(
        ErrorCode::kRuntime,
        fmt::format("the context is full: {} tokens are stored, {} more asked for, {} fit; raise --ctx-size",
                    c.length, n_tokens, pool_->max_tokens()));
  const auto short_of_memory = [&] {
    return Error(ErrorCode::kOutOfMemory,
                 fmt::format("no memory for the state of {} tokens ({} bytes per token); lower --ctx-size",
                             c.length + n_tokens, layout.kv_bytes_per_token()));
  };

  if (!layout.kv.empty()) {
    // The page that already holds tokens of this sequence is the only one that may have to be copied.
    const size_t full = static_cast<size_t>(c.length / kPageTokens);
    if (c.length % kPageTokens != 0 && c.pages[full].use_count() > 1) {
      Memory own = pool_->new_page();
      if (!own) return short_of_memory();
      std::memcpy(own.get(), c.pages[full].get(), static_cast<size_t>(pool_->page_bytes_));
      c.pages[full] = std::move(own);
    }
    const size_t needed = static_cast<size_t>((c.length + n_tokens + kPageTokens - 1) / kPageTokens);
    // Pages behind the end hold nothing (a run that was not committed); they are reused if no snapshot shares
    // them.
    for (size_t p = full + (c.length % kPageTokens != 0); p < c.pages.size(); ++p)
      if (c.pages[p].use_count() > 1) c.pages.resize(p);
    while (c.pages.size() < needed) {
      Memory page = pool_->new_page();
      if (!page) return short_of_memory();
      c.pages.push_back(std::move(page));
    }
  }
  bindings.pages_.clear();
  for (const Memory& page : c.pages) bindings.pages_.push_back(page.get());
  for (KvView& view : bindings.kv_) {
    view.pages = bindings.pages_.data();
    view.n_past = c.length;
  }

  if (!layout.recurrent.empty()) {
    if (!c.slot) {
      c.slot = pool_->new_slot();
      if (!c.slot) return short_of_memory();
      std::memset(c.slot.get(), 0, static_cast<size_t>(pool_->slot_bytes_));
    }
    next_slot_ = c.slot;
    if (c.slot.use_count() > 2) {  // besides content_ and next_slot_ somebody else holds it
      next_slot_ = pool_->new_slot();
      if (!next_slot_) return short_of_memory();
    }
    int64_t offset = 0;
    for (size_t i = 0; i < layout.recurrent.size(); ++i) {
      bindings.recurrent_[i].read = reinterpret_cast<const float*>(c.slot.get() + offset);
      bindings.recurrent_[i].write = reinterpret_cast<float*>(next_slot_.get() + offset);
      offset += recurrent_stride(layout.recurrent[i]);
    }
  }
  prepared_ = n_tokens;
  return {};
}

void SequenceState::commit(int64_t n_tokens) {
  GANNET_CHECK(n_tokens >= 0 && n_tokens <= prepared_, "more tokens are committed than were prepared");
  GANNET_CHECK(n_tokens == prepared_ || pool_->layout().recurrent.empty(),
               "fewer tokens are committed than were run, but recurrent state is behind all of them");
  prepared_ = 0;
  content_->length += n_tokens;
  if (next_slot_ && n_tokens > 0) content_->slot = std::move(next_slot_);
  next_slot_ = nullptr;
}

}  // namespace gannet
