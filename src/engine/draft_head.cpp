#include "engine/draft_head.h"

#include <algorithm>

namespace gannet {

Result<std::unique_ptr<DraftHead>> DraftHead::make(Session& session, std::span<const TokenId> ids,
                                                   size_t n_free) {
  const Model& model = session.model();
  const TensorView head = model.weights().view(mtp_head(model.hyperparameters(), model.weights()));
  const auto n_vocab = static_cast<size_t>(head.shape.dim[0]);
  std::unique_ptr<DraftHead> made(new DraftHead(session, head));
  DraftHead& d = *made;
  d.ids_.assign(ids.begin(), ids.end());
  d.row_of_.assign(n_vocab, -1);
  for (size_t i = 0; i < ids.size(); ++i) d.row_of_[static_cast<size_t>(ids[i])] = static_cast<int32_t>(i);
  d.n_fixed_ = ids.size();
  for (size_t id = 0; id < n_vocab && d.ids_.size() < ids.size() + n_free; ++id) {
    if (d.row_of_[id] >= 0) continue;
    d.row_of_[id] = static_cast<int32_t>(d.ids_.size());
    d.ids_.push_back(static_cast<TokenId>(id));
  }
  TensorView rows = head;
  rows.shape.dim[0] = static_cast<int64_t>(d.ids_.size());
  d.place_ = GANNET_TRY(session.use_draft_head(rows));
  for (size_t first = 0, end = 0; first < d.ids_.size(); first = end) {
    for (end = first + 1; end < d.ids_.size() && d.ids_[end] == d.ids_[end - 1] + 1;) ++end;
    GANNET_TRY(d.upload(first, end - first));
  }
  return made;
}

Result<void> DraftHead::upload(size_t first_row, size_t n) {
  const int64_t bytes = head_.stride[0];
  const std::byte* from = head_.data + ids_[first_row] * bytes;
  const Event event = GANNET_TRY(session_.device()->upload_weights(
      place_ + static_cast<int64_t>(first_row) * bytes, {from, n * static_cast<size_t>(bytes)}, head_.dtype,
      head_.shape.last()));
  return session_.device()->wait(event);
}

void DraftHead::note(std::span<const TokenId> text) {
  const size_t n_free = ids_.size() - n_fixed_;
  if (n_free == 0) return;
  for (const TokenId id : text) {
    if (id < 0 || static_cast<size_t>(id) >= row_of_.size() || row_of_[static_cast<size_t>(id)] >= 0)
      continue;
    const size_t row = n_fixed_ + next_;
    next_ = (next_ + 1) % n_free;
    row_of_[static_cast<size_t>(ids_[row])] = -1;
    row_of_[static_cast<size_t>(id)] = static_cast<int32_t>(row);
    ids_[row] = id;
    changed_.push_back(row);
  }
}

Result<void> DraftHead::refresh() {
  // A long text may have changed a row more than once.
  std::ranges::sort(changed_);
  changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
  for (const size_t row : changed_) GANNET_TRY(upload(row, 1));
  changed_.clear();
  return {};
}

}  // namespace gannet
