#include "state/step_bindings.h"

#include <algorithm>

#include "base/check.h"

namespace gannet {
namespace {

const StepSegment kNoSegment;

}  // namespace

StepBindings::StepBindings(std::shared_ptr<const StatePool> pool, StatePart part)
    : pool_(std::move(pool)), part_(part) {
  steps_.fill({&kNoSegment, 0});
  const StateLayout& layout = pool_->layout();
  const StatePlaces& places = pool_->places();
  kv_.reserve(layout.kv.size());  // addresses of elements are handed out
  recurrent_.reserve(layout.recurrent.size());
  for (size_t i = 0; i < layout.kv.size(); ++i) {
    const StateLayout::KvLayer& layer = layout.kv[i];
    if (layer.part != part) continue;
    kv_.push_back({.step = &steps_[layer.memory],
                   .k_offset = places.kv[i].k,
                   .v_offset = places.kv[i].v,
                   .page_tokens = kPageTokens,
                   .n_kv_heads = layer.n_kv_heads,
                   .head_dim = layer.head_dim,
                   .k_type = layer.k_type,
                   .v_type = layer.v_type});
    by_name_[layer.name] = &kv_.back();
  }
  if (part != StatePart::kTrunk) return;
  for (size_t i = 0; i < layout.recurrent.size(); ++i) {
    const StatePlaces::Recurrent& at = places.recurrent[i];
    recurrent_.push_back({&steps_[layout.recurrent[i].memory], at.base, at.ring, at.entry_bytes});
    by_name_[layout.recurrent[i].name] = &recurrent_.back();
  }
}

void* StepBindings::find(const std::string& name) {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : it->second;
}

void StepBindings::begin() {
  for (auto& segments : segments_) segments.clear();
  sequences_.clear();
  steps_.fill({&kNoSegment, 0});
}

Result<void> StepBindings::add(SequenceState& sequence, int64_t first_row, int64_t n_rows, bool kept,
                               int64_t base_after) {
  const int64_t next = steps_[0].n_rows();
  GANNET_CHECK(first_row == next, "rows of a step without a sequence, or with two");
  GANNET_CHECK(std::find(sequences_.begin(), sequences_.end(), &sequence) == sequences_.end(),
               "a sequence twice in a step");
  GANNET_CHECK(&sequence.pool() == pool_.get(), "a sequence of another pool");
  StepSegments prepared;
  GANNET_TRY(sequence.prepare(part_, n_rows, kept, prepared, base_after));
  sequences_.push_back(&sequence);
  for (size_t m = 0; m < kMostMemories; ++m) {
    prepared[m].first_row = first_row;
    segments_[m].push_back(prepared[m]);
    steps_[m] = {segments_[m].data(), static_cast<int64_t>(segments_[m].size())};
  }
  return {};
}

void StepBindings::ran() {
  for (SequenceState* sequence : sequences_) sequence->ran(part_);
  sequences_.clear();
}

}  // namespace gannet
