// Steps: rows counted, a plan found, state prepared, inputs filled, the plan run.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>

#include <fmt/core.h>

#include "engine/session.h"

namespace gannet {
namespace {

// Rows of the plan that serves a step of n rows: few sizes, so that there are few plans.
int64_t plan_rows(int64_t n, int64_t n_ubatch) {
  int64_t rows = 1;
  while (rows < n) rows *= 2;
  return n <= n_ubatch && n_ubatch < rows ? n_ubatch : rows;
}

// Steps of so many wanted hidden rows have graphs of their own, if they have at least twice as many rows.
constexpr int64_t kHiddenPlaces[] = {32, 256};

int64_t hidden_rows_of(const StepPiece& piece) {
  const auto n = static_cast<int64_t>(piece.tokens.size());
  return piece.n_hidden < 0 ? n : std::min(n, piece.n_hidden);
}

}  // namespace

int64_t Session::most_rows() const {
  return std::max(options_.n_ubatch, kExactRows);
}

struct Session::Count {
  int64_t rows = 0, exact = 0;
  std::vector<int32_t> wanted;  // rows of the step that get logits
  std::vector<bool> top;        // of these: the likeliest will do
  std::vector<int32_t> hidden;  // rows of the step whose hidden rows are wanted, if any are
};

Result<Session::Count> Session::count(StatePart part, std::span<const StepPiece> pieces, bool hidden) const {
  const Hyperparameters& hp = model_->hyperparameters();
  Count c;
  bool exact = true;
  for (const StepPiece& piece : pieces) {
    const auto n = static_cast<int64_t>(piece.tokens.size());
    GANNET_CHECK(n > 0 && piece.logits != LogitRows::kChosen, "a piece of a step");
    GANNET_CHECK(part == StatePart::kTrunk || bindings_[part_index(part)] != nullptr,
                 "the session was made without the MTP block");
    for (const int32_t id : piece.tokens)
      if (id < 0 || static_cast<uint32_t>(id) >= hp.n_vocab)
        return Error(ErrorCode::kRuntime,
                     fmt::format("token id {} is outside the model's vocabulary of {}", id, hp.n_vocab));
    const int64_t first = piece.logits == LogitRows::kAll ? 0 : piece.logits == LogitRows::kLast ? n - 1 : n;
    for (int64_t i = first; i < n; ++i) c.wanted.push_back(static_cast<int32_t>(c.rows + i));
    c.top.resize(c.wanted.size(), piece.top);
    for (int64_t i = n - hidden_rows_of(piece); hidden && i < n; ++i)
      c.hidden.push_back(static_cast<int32_t>(c.rows + i));
    c.rows += n;
    exact = exact && !piece.kept;
    if (exact) c.exact = c.rows;
  }
  if (options_.exact || c.rows <= kExactRows) c.exact = c.rows;
  if (c.rows > most_rows())
    return Error(ErrorCode::kRuntime,
                 fmt::format("a step of {} rows; at most {} fit (--ubatch-size)", c.rows, most_rows()));
  return c;
}

PlanRequest Session::request_for(StatePart part, const Count& c, bool hidden, int64_t n_past) const {
  GraphShape shape;
  const auto wanted = static_cast<int64_t>(c.wanted.size());
  shape.n_tokens = walks_ ? plan_rows(c.rows, options_.n_ubatch) : c.rows;
  shape.hidden = hidden;
  shape.logits = LogitRows::kAll;
  if (wanted == 0) {
    shape.logits = LogitRows::kNone;
  } else if (wanted == 1 && (c.rows == 1 || !walks_) && c.wanted[0] == c.rows - 1) {
    shape.logits = LogitRows::kLast;
  } else if (wanted < c.rows && walks_) {
    const int64_t places = wanted == 1 ? 1 : wanted <= 16 ? 16 : 64;
    if (wanted <= places && places < shape.n_tokens) {
      shape.logits = LogitRows::kChosen;
      shape.n_chosen = places;
    }
  }
  if (part == StatePart::kMtp && wanted > 0) shape.draft_head = draft_head_rows_;
  if (part == StatePart::kTrunk && hidden && walks_ && shape.logits != LogitRows::kAll)
    for (const int64_t places : kHiddenPlaces)
      if (shape.n_hidden == 0 && static_cast<int64_t>(c.hidden.size()) <= places &&
          shape.n_chosen <= places && places <= c.rows / 2)
        shape.n_hidden = places;
  return {shape, part == StatePart::kMtp, n_past};
}

Result<void> Session::fill(PlanBank::Entry& entry, StatePart part, std::span<const StepPiece> pieces,
                           const Count& c) {
  const int64_t row_bytes = int64_t{model_->hyperparameters().n_embd} * int64_t{sizeof(float)};
  const Place hidden = entry.made.plan.hidden_on_device().place;
  StepBindings& bindings = *bindings_[part_index(part)];
  auto* tokens = entry.tokens.as<int32_t>();
  auto* positions = entry.positions.as<int32_t>();
  auto* logit_rows = entry.logit_rows.as<int32_t>();
  bindings.begin();
  int64_t row = 0;
  for (const StepPiece& piece : pieces) {
    const auto n = static_cast<int64_t>(piece.tokens.size());
    const int64_t n_past = piece.sequence->length(part);
    GANNET_TRY(bindings.add(*piece.sequence, row, n, piece.kept || piece.base_after >= 0 || !walks_,
                            walks_ ? piece.base_after : -1));
    std::memcpy(tokens + row, piece.tokens.data(), piece.tokens.size_bytes());
    for (int64_t i = 0; positions != nullptr && i < n; ++i)
      positions[row + i] = static_cast<int32_t>(n_past + i);
    for (int64_t i = 0; hidden.buffer != BufferId::kNone && i < n; ++i)
      hidden_copied_ = GANNET_TRY(device_->copy(hidden_row(piece.hidden[static_cast<size_t>(i)]),
                                                hidden + (row + i) * row_bytes, row_bytes));
    if (entry.mask.data != nullptr) fill_causal_mask(entry.mask, n_past);
    row += n;
  }
  // Rows behind the end are padding: any token will do.
  for (; row < entry.request.shape.n_tokens; ++row) {
    tokens[row] = 0;
    if (positions != nullptr) positions[row] = 0;
  }
  const GraphShape& shape = entry.request.shape;
  auto* hidden_rows = entry.hidden_rows.as<int32_t>();
  for (int64_t i = 0; hidden_rows != nullptr && i < shape.n_hidden; ++i)
    hidden_rows[i] = c.hidden[std::min(static_cast<size_t>(i), c.hidden.size() - 1)];
  for (int64_t i = 0; logit_rows != nullptr && i < shape.n_chosen; ++i) {
    logit_rows[i] = c.wanted[std::min(static_cast<size_t>(i), c.wanted.size() - 1)];
    if (shape.n_hidden == 0) continue;
    const auto among = std::ranges::lower_bound(c.hidden, logit_rows[i]);
    GANNET_CHECK(among != c.hidden.end() && *among == logit_rows[i], "logits of a row without a hidden row");
    logit_rows[i] = static_cast<int32_t>(among - c.hidden.begin());
  }
  return {};
}

// For kernels that cannot follow addresses of the host.
Result<void> Session::write_step(const StepBindings& bindings) {
  for (size_t i = 0; i < homes_.size(); ++i)
    if (homes_[i].device->kind() != DeviceKind::kCpu)
      GANNET_TRY(homes_[i].step.write(bindings.view(i), kPageTokens));
  return {};
}

Result<void> Session::run(PlanBank::Entry& entry, StepBindings& bindings, const StepRows& rows) {
  WeightMemory& memory = model_->memory();
  memory.begin_run();
  const auto began = std::chrono::steady_clock::now();
  Plan& plan = entry.made.plan;
  GANNET_TRY(write_step(bindings));
  const int n_threads = plan_threads(entry.request);
  Result<void> ran = profiling_ ? plan.run_timed(*team_, entry.last_ends, rows) : plan.run(*team_, rows);
  if (ran.ok()) bindings.ran();  // whatever comes of it from here on, states have been written
  if (profiling_ && ran.ok()) {
    entry.nanoseconds.resize(entry.last_ends.size());
    double before = 0;
    for (size_t i = 0; i < entry.last_ends.size(); ++i) {
      entry.nanoseconds[i] += entry.last_ends[i] - before;
      before = entry.last_ends[i];
    }
    ++entry.runs;
  }
  GANNET_TRY(memory.end_run(*team_, n_threads, std::chrono::steady_clock::now() - began));
  return ran;
}

Result<StepResult> Session::step(StatePart part, std::span<const StepPiece> pieces, bool hidden) {
  GANNET_CHECK(!pieces.empty(), "a step without rows");
  if (!walks_ && pieces.size() > 1)
    return Error(ErrorCode::kRuntime,
                 "this graph (--graph, --passes) takes one sequence at a time, a step has several");
  const Count c = GANNET_TRY(count(part, pieces, hidden));
  hidden = hidden && !c.hidden.empty();
  PlanBank::Entry* entry = GANNET_TRY(
      plans_->get(request_for(part, c, hidden, walks_ ? 0 : pieces.front().sequence->length(part))));
  if (hidden) GANNET_TRY(reserve_hidden());
  Result<void> done = fill(*entry, part, pieces, c);
  if (done.ok()) done = run(*entry, *bindings_[part_index(part)], {.live = c.rows, .exact = c.exact});
  StepResult result;
  if (done.ok()) done = take_logits(*entry, c.rows, c.wanted, c.top, result);
  if (done.ok() && hidden) {
    const PlacedTensor rows = entry->made.plan.output_on_device(entry->hidden_output);
    result.hidden = first_hidden(part);
    // Only those that are wanted may be there.
    const int64_t n = std::min(c.rows, rows.shape.dim[0]);
    auto copied =
        device_->copy(rows.place, hidden_row(result.hidden), n * rows.shape.last() * int64_t{sizeof(float)});
    if (copied.ok())
      hidden_copied_ = *copied;
    else
      done = copied.take_error();
    const bool all = entry->request.shape.n_hidden == 0;
    result_hidden_.clear();
    int64_t row = 0, chosen = 0;
    for (const StepPiece& piece : pieces) {
      const auto size = static_cast<int64_t>(piece.tokens.size());
      const int64_t of_piece = hidden_rows_of(piece);
      result_hidden_.push_back(result.hidden + static_cast<int32_t>(all ? row + size - of_piece : chosen));
      row += size;
      chosen += of_piece;
    }
    result.piece_hidden = result_hidden_;
  }
  if (done.ok()) return result;
  for (const StepPiece& piece : pieces) piece.sequence->cancel(part);
  return done.take_error();
}

Result<Place> Session::use_draft_head(const TensorView& rows) {
  const int64_t n = rows.shape.dim[0];
  DeviceBuffer& memory = draft_heads_[n];
  if (memory.id() == BufferId::kNone)
    memory = GANNET_TRY(DeviceBuffer::allocate(device_, n * row_bytes(rows.dtype, rows.shape.last())));
  plans_->wait();  // whoever makes plans looks for weights
  homes_[0].weights.add(kDraftHead, placed_at(memory.at(0), rows));
  draft_head_rows_ = n;
  return memory.at(0);
}

Result<void> Session::reserve_hidden() {
  if (hidden_.id() != BufferId::kNone) return {};
  const int64_t rows = 2 * most_rows() + options_.carried_rows;
  hidden_ = GANNET_TRY(DeviceBuffer::allocate(
      device_, rows * int64_t{model_->hyperparameters().n_embd} * int64_t{sizeof(float)}));
  return {};
}

int32_t Session::first_hidden(StatePart part) const {
  return part == StatePart::kTrunk ? 0 : static_cast<int32_t>(most_rows());
}

Place Session::hidden_row(int32_t row) const {
  GANNET_CHECK(hidden_.id() != BufferId::kNone && row >= 0 && row < 2 * most_rows() + options_.carried_rows,
               "no such hidden row");
  return hidden_.at(int64_t{row} * int64_t{model_->hyperparameters().n_embd} * int64_t{sizeof(float)});
}

int32_t Session::carried_row(int32_t slot) const {
  GANNET_CHECK(slot >= 0 && slot < options_.carried_rows, "no such place for a hidden row");
  return static_cast<int32_t>(2 * most_rows()) + slot;
}

Result<int32_t> Session::carry_hidden(int32_t row, int32_t slot) {
  hidden_copied_ =
      GANNET_TRY(device_->copy(hidden_row(row), hidden_row(carried_row(slot)),
                               int64_t{model_->hyperparameters().n_embd} * int64_t{sizeof(float)}));
  return carried_row(slot);
}

Result<TensorView> Session::hidden_rows(int32_t first, int64_t n) {
  const Shape shape(n, model_->hyperparameters().n_embd);
  GANNET_TRY(device_->wait(hidden_copied_));
  if (std::byte* seen = device_->host_view(hidden_row(first)))
    return contiguous_view(seen, DType::kF32, shape);
  host_hidden_.resize(static_cast<size_t>(shape.elements()));
  const Event event =
      GANNET_TRY(device_->download(hidden_row(first), std::as_writable_bytes(std::span(host_hidden_))));
  GANNET_TRY(device_->wait(event));
  return contiguous_view(host_hidden_.data(), DType::kF32, shape);
}

std::vector<Session::Profile> Session::profiles() const {
  std::vector<Profile> all;
  for (const PlanBank::Entry* entry : plans_->entries())
    if (entry->runs > 0)
      all.push_back({&entry->made.plan, entry->runs, entry->nanoseconds, entry->last_ends});
  return all;
}

Result<ForwardRows> Session::forward(SequenceState& sequence, std::span<const int32_t> tokens,
                                     LogitRows logits, bool hidden) {
  const auto n = static_cast<int64_t>(tokens.size());
  const StepPiece piece{&sequence, tokens, logits, n > options_.open_rows, {}};
  const StepResult result = GANNET_TRY(step(StatePart::kTrunk, {&piece, 1}, hidden));
  sequence.commit(StatePart::kTrunk, n);
  ForwardRows rows{result.logits, {}};
  if (hidden) rows.hidden = GANNET_TRY(hidden_rows(result.hidden, n));
  return rows;
}

Result<ForwardRows> Session::forward_mtp(SequenceState& sequence, std::span<const int32_t> tokens,
                                         std::span<const float> hidden, LogitRows logits) {
  GANNET_CHECK(hidden.size() == tokens.size() * model_->hyperparameters().n_embd);
  const auto n = static_cast<int64_t>(tokens.size());
  if (n > most_rows())
    return Error(ErrorCode::kRuntime,
                 fmt::format("{} rows at once; at most {} fit (--ubatch-size)", n, most_rows()));
  GANNET_TRY(reserve_hidden());
  // They come to where the block's own rows will be.
  const int32_t first = first_hidden(StatePart::kMtp);
  GANNET_TRY(device_->upload(hidden_row(first), std::as_bytes(hidden)));
  numbers_.resize(tokens.size());
  std::iota(numbers_.begin(), numbers_.end(), first);
  const StepPiece piece{&sequence, tokens, logits, true, numbers_};
  const StepResult result = GANNET_TRY(step(StatePart::kMtp, {&piece, 1}));
  sequence.commit(StatePart::kMtp, n);
  return ForwardRows{result.logits, {}};
}

Result<ForwardRows> Session::prefill(SequenceState& sequence, std::span<const int32_t> tokens,
                                     const std::function<bool(size_t)>& keep_going) {
  ForwardRows rows;
  for (size_t at = 0; at < tokens.size();) {
    const size_t n = std::min(static_cast<size_t>(options_.n_ubatch), tokens.size() - at);
    const bool last = at + n == tokens.size();
    rows = GANNET_TRY(forward(sequence, tokens.subspan(at, n), last ? LogitRows::kLast : LogitRows::kNone));
    at += n;
    if (keep_going && !keep_going(at) && !last)
      return Error(ErrorCode::kInterrupted, "stopped while reading the prompt");
  }
  return rows;
}

PlanRequest Session::request_for_last(StatePart part, int64_t n_rows, int64_t wanted,
                                      int64_t n_hidden) const {
  Count c;
  c.rows = n_rows;
  for (int64_t i = n_rows - n_hidden; i < n_rows; ++i) c.hidden.push_back(static_cast<int32_t>(i));
  for (int64_t i = n_rows - wanted; i < n_rows; ++i) c.wanted.push_back(static_cast<int32_t>(i));
  return request_for(part, c, n_hidden > 0, 0);
}

bool Session::ready(StatePart part, int64_t n_rows, int64_t wanted, int64_t n_hidden) {
  return !walks_ || plans_->ready(request_for_last(part, n_rows, wanted, n_hidden));
}

void Session::plan_ahead(int64_t n_rows, bool hidden) {
  if (!walks_) return;
  std::vector<PlanRequest> requests;
  const auto add = [&](StatePart part, int64_t rows, int64_t wanted, int64_t n_hidden) {
    const PlanRequest request = request_for_last(part, rows, wanted, n_hidden);
    const auto same = [&](const PlanRequest& other) { return serves(other, 0, request); };
    if (std::ranges::none_of(requests, same)) requests.push_back(request);
  };
  n_rows = std::min(n_rows, most_rows());
  std::vector<int64_t> sizes;
  for (int64_t rows = 1; rows < n_rows; rows *= 2) sizes.push_back(rows);
  if (options_.n_ubatch < n_rows) sizes.push_back(options_.n_ubatch);
  sizes.push_back(n_rows);
  for (const int64_t rows : sizes) {
    for (const int64_t wanted : {int64_t{0}, int64_t{1}, int64_t{2}, int64_t{17}, rows}) {
      if (wanted > rows || (wanted == rows && rows > kExactRows)) continue;
      add(StatePart::kTrunk, rows, wanted, hidden ? rows : 0);
      for (const int64_t few : kHiddenPlaces)
        if (hidden && wanted <= few && few <= rows / 2) add(StatePart::kTrunk, rows, wanted, few);
    }
    if (!hidden) continue;
    add(StatePart::kMtp, rows, 0, 0);
    for (const int64_t wanted : {int64_t{1}, int64_t{2}, int64_t{17}, rows})
      if (wanted <= rows && rows <= kExactRows) add(StatePart::kMtp, rows, wanted, wanted);
  }
  plans_->make_ahead(std::move(requests));
}

Result<const MadePlan*> Session::plan(const PlanRequest& request) {
  PlanBank::Entry* entry = GANNET_TRY(plans_->get(request));
  return static_cast<const MadePlan*>(&entry->made);
}

}  // namespace gannet
