// The logits of a step: what of them crosses from the device to the host, and when.
#include <algorithm>

#include "engine/session.h"
#include "model/tensors.h"

namespace gannet {

// Where threads of the host make logits, and in memory that it reads anyhow, a row is at hand as it is.
int64_t Session::top_logits(const PlanRequest& request) const {
  if (options_.device == nullptr || request.shape.logits == LogitRows::kNone) return 0;
  if (device_->kind() == DeviceKind::kCpu && device_->uses_host_memory()) return 0;
  std::string head = kDraftHead;
  if (!request.mtp)
    head = trunk_head(model_->weights());
  else if (request.shape.draft_head == 0)
    head = mtp_head(model_->hyperparameters(), model_->weights());
  return placement_.home_of(head) == kDeviceHome ? options_.top_logits : 0;
}

Result<void> Session::take_logits(PlanBank::Entry& entry, int64_t n_rows, std::span<const int32_t> wanted,
                                  const std::vector<bool>& top, StepResult& result) {
  logits_ = {};
  if (entry.logits_output < 0) return {};
  const bool all = entry.request.shape.logits == LogitRows::kAll;
  result_rows_.resize(wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) result_rows_[i] = all ? wanted[i] : static_cast<int32_t>(i);
  result.rows = result_rows_;
  const Plan& plan = entry.made.plan;
  logits_.entry = &entry;
  logits_.rows = plan.output(entry.logits_output);
  logits_.in_place = logits_.rows.data != nullptr;
  logits_.read.assign(static_cast<size_t>(all ? n_rows : std::ssize(wanted)), logits_.in_place);
  if (!logits_.in_place)
    logits_.rows = contiguous_view(nullptr, DType::kF32, plan.output_on_device(entry.logits_output).shape);
  logits_.rows.shape.dim[0] = std::ssize(logits_.read);
  if (std::ranges::find(top, true) != top.end()) GANNET_TRY(take_top(entry));
  // Neighbours that are wanted whole, at once.
  const auto whole = [&](size_t i) { return logits_.top.empty() || !top[i]; };
  for (size_t i = 0, end = 0; !logits_.in_place && i < wanted.size(); i = end) {
    for (end = i + 1;
         whole(i) && end < wanted.size() && whole(end) && result_rows_[end] == result_rows_[end - 1] + 1;)
      ++end;
    if (whole(i)) GANNET_TRY(read_rows(result_rows_[i], static_cast<int64_t>(end - i)));
  }
  result.logits = logits_.rows;
  return {};
}

// As the op has them: pairs of a logit's bits and its token.
Result<void> Session::take_top(PlanBank::Entry& entry) {
  if (entry.top_output < 0) return {};
  const Plan& plan = entry.made.plan;
  logits_.n_top = plan.output_on_device(entry.top_output).shape.last() / 2;
  const size_t n = logits_.read.size() * static_cast<size_t>(logits_.n_top);
  static_assert(sizeof(Candidate) == 2 * sizeof(int32_t) && offsetof(Candidate, token) == sizeof(int32_t));
  if (const TensorView seen = plan.output(entry.top_output); seen.data != nullptr) {
    logits_.top = {seen.as<const Candidate>(), n};
    return {};
  }
  host_top_.resize(n);
  GANNET_TRY(plan.read_output(entry.top_output, 0, std::ssize(logits_.read),
                              std::as_writable_bytes(std::span(host_top_))));
  logits_.top = host_top_;
  return {};
}

// From a device whose memory the host does not see.
Result<void> Session::read_rows(int32_t first, int64_t n) {
  const int64_t n_vocab = logits_.rows.shape.last();
  const auto room = static_cast<size_t>(logits_.rows.shape.elements());
  if (host_logits_.size() < room) host_logits_.resize(room);
  logits_.rows.data = reinterpret_cast<std::byte*>(host_logits_.data());
  const std::span<float> to(logits_.rows.f32(first), static_cast<size_t>(n * n_vocab));
  GANNET_TRY(logits_.entry->made.plan.read_output(logits_.entry->logits_output, first, n,
                                                  std::as_writable_bytes(to)));
  std::fill_n(logits_.read.begin() + first, n, true);
  return {};
}

Result<std::span<const float>> Session::whole_row(int32_t row, int32_t n_vocab) {
  if (!logits_.read[static_cast<size_t>(row)]) GANNET_TRY(read_rows(row, 1));
  return std::span<const float>(logits_.rows.f32(row), static_cast<size_t>(n_vocab));
}

LogitsRow Session::logits(const StepResult& result, size_t i, int32_t n_vocab) {
  const int32_t row = result.rows[i];
  GANNET_CHECK(logits_.entry != nullptr && n_vocab <= logits_.rows.shape.last(), "no such row of logits");
  TopLogits top;
  if (!logits_.top.empty()) {
    top.first =
        logits_.top.subspan(static_cast<size_t>(row * logits_.n_top), static_cast<size_t>(logits_.n_top));
    while (!top.first.empty() && top.first.back().token < 0)
      top.first = top.first.first(top.first.size() - 1);
    top.all = std::ssize(top.first) < logits_.n_top;
  }
  return {top, [this, row, n_vocab] { return whole_row(row, n_vocab); }};
}

}  // namespace gannet
