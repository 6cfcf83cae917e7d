#include "engine/mtp_drafter.h"

#include <algorithm>

#include <fmt/core.h>

#include "model/tensors.h"

namespace gannet {
namespace {

// Rows of a sequence that wait at most; a step of the block over so many costs hardly more than one of a few.
constexpr int64_t kMostWaiting = 32;
// One of so many rows of a draft head is for tokens of the texts at hand.
constexpr size_t kFreeShare = 32;
// Of a prompt, that the block sees. Each costs the target's last layer what a step of one row costs it.
constexpr int64_t kPromptRows = 8;

// The rows that have hidden rows.
TargetRows with_hidden(TargetRows rows) {
  const int64_t skipped = rows.hidden < 0 ? rows.n : std::min(rows.n, rows.no_hidden);
  rows.first += skipped;
  rows.n -= skipped;
  return rows;
}

}  // namespace

MtpDrafter::MtpDrafter(Session& session, const MtpDrafterOptions& options, int rows_per_slot)
    : session_(session),
      info_{.name = "draft-mtp", .hidden = true},
      rows_per_slot_(rows_per_slot),
      waits_for_plans_(options.wait_for_plans),
      slots_(static_cast<size_t>(options.n_slots)),
      chooser_(options.n_vocab > 0 ? options.n_vocab
                                   : static_cast<int32_t>(session.model().hyperparameters().n_vocab)) {}

Result<std::unique_ptr<MtpDrafter>> MtpDrafter::create(Session& session, MtpDrafterOptions options) {
  const Hyperparameters& hp = session.model().hyperparameters();
  if (hp.n_mtp != 1)
    return Error(ErrorCode::kUsage,
                 fmt::format("{}: has no MTP block to draft with", session.model().file().path()));
  GANNET_CHECK(session.options().mtp && options.n_slots > 0 && options.n_vocab <= int64_t{hp.n_vocab});
  if (session.one_sequence_at_a_time())
    return Error(ErrorCode::kUsage,
                 "the graph that was asked for (--graph, --passes) does not go with draft-mtp");
  const int64_t rows = std::min(kMostWaiting, session.options().carried_rows / options.n_slots);
  if (rows < 2)
    return Error(ErrorCode::kUsage, fmt::format("draft-mtp has room for {} sequences, not for {}",
                                                session.options().carried_rows / 2, options.n_slots));
  std::unique_ptr<MtpDrafter> made(new MtpDrafter(session, options, static_cast<int>(rows)));
  const Vocabulary* vocabulary = options.vocabulary;
  if (vocabulary != nullptr && options.draft_head > 0 &&
      static_cast<size_t>(vocabulary->size()) > 2 * options.draft_head) {
    const size_t n_free = options.draft_head / kFreeShare;
    made->head_ = GANNET_TRY(DraftHead::make(
        session, choose_draft_tokens(*vocabulary, options.counts, options.draft_head - n_free), n_free));
  }
  return made;
}

MtpDrafter::Slot& MtpDrafter::slot_at(int slot) {
  GANNET_CHECK(slot >= 0 && static_cast<size_t>(slot) < slots_.size(), "no such slot");
  return slots_[static_cast<size_t>(slot)];
}

int32_t MtpDrafter::place(const Slot& slot, int64_t position) const {
  GANNET_CHECK(position >= slot.known_begin && position < slot.known_end, "a hidden row that is not carried");
  return static_cast<int32_t>((&slot - slots_.data()) * rows_per_slot_ + position % rows_per_slot_);
}

void MtpDrafter::attach(int slot, SequenceState* sequence) {
  slot_at(slot) = {.sequence = sequence};
}

void MtpDrafter::end(int slot) {
  slot_at(slot) = {};
}

int64_t MtpDrafter::waiting(int slot) const {
  const Slot& s = slots_[static_cast<size_t>(slot)];
  return std::max(int64_t{0}, s.known_end - std::max(s.next() - 1, s.known_begin));
}

int64_t MtpDrafter::prompt_rows(int64_t n_prompt) const {
  static_assert(kPromptRows <= kMostWaiting && kPromptRows <= kExactRows);
  return std::min(n_prompt, kPromptRows);
}

Result<void> MtpDrafter::begin(int slot, std::span<const TokenId>, size_t n_kept) {
  Slot& s = slot_at(slot);
  GANNET_CHECK(s.sequence != nullptr, "a slot without a sequence");
  const int64_t held = s.sequence->length(StatePart::kTrunk), kept = static_cast<int64_t>(n_kept);
  // What another text had read: for what it has no rows, there are none here.
  if (kept == 0 && held > 0)
    s.left_out = std::max(int64_t{0}, held - 1 - s.sequence->length(StatePart::kMtp));
  // A draft may have left the row of the first token that the target does not hold.
  const int64_t last = std::max(held - 1, std::min(held, kept - 1));
  const int64_t rows = std::max(int64_t{0}, last - s.left_out);
  if (s.sequence->length(StatePart::kMtp) > rows) {
    const bool cut = s.sequence->truncate(StatePart::kMtp, rows);
    GANNET_CHECK(cut);
  }
  s.known_end = std::min({s.known_end, held, kept});
  s.known_begin = std::min(s.known_begin, s.known_end);
  s.noted = std::min(s.noted, n_kept);
  if (rows == 0) s.left_out = 0;
  return {};
}

void MtpDrafter::leave_out_unknown(Slot& slot) {
  slot.left_out += std::max(int64_t{0}, slot.known_begin - (slot.next() - 1));
}

Result<void> MtpDrafter::ran(std::span<const TargetRows> rows) {
  std::vector<Rows> waiting, fresh;
  for (const TargetRows& r : rows) {
    Slot& s = slot_at(r.slot);
    GANNET_CHECK(s.sequence != nullptr && r.n > 0, "rows of a slot without a sequence");
    const TargetRows seen = with_hidden(r);
    if (s.known_end != r.first || seen.first != r.first) s.known_begin = s.known_end = seen.first;
    if (seen.n == 0) continue;
    leave_out_unknown(s);
    const int64_t next = s.next();
    GANNET_CHECK(next - 1 <= seen.first, "the block is ahead of the target");
    if (seen.first + seen.n - (next - 1) <= rows_per_slot_) continue;
    // Nothing waits for a plan while tokens are made: the oldest rows are left out until there is one.
    if (!waits_for_plans_ && r.n <= kExactRows && !ready()) continue;
    if (next <= seen.first) waiting.push_back({&s, seen.history, next, seen.first + 1});
    // As exact as the target made them: then they do not depend on what waited with them.
    if (seen.n > 1)
      fresh.push_back({&s, seen.history, seen.first + 1, seen.first + seen.n, r.n > kExactRows, seen.hidden});
  }
  GANNET_TRY(warm_up(waiting));
  GANNET_TRY(warm_up(fresh));
  for (const TargetRows& r : rows) GANNET_TRY(carry(slot_at(r.slot), with_hidden(r)));
  return {};
}

// Steps over as many rows as may wait: for a draft of one text, and without.
bool MtpDrafter::ready() {
  if (ready_) return true;
  ready_ = true;
  for (int64_t rows = 1; rows <= rows_per_slot_; rows *= 2)
    if (!session_.ready(StatePart::kMtp, rows, 1, 1)) ready_ = false;
  for (int64_t rows = 1; rows <= kExactRows; rows *= 2)
    if (!session_.ready(StatePart::kMtp, rows, 0, 0)) ready_ = false;
  return ready_;
}

Result<void> MtpDrafter::carry(Slot& slot, const TargetRows& rows) {
  slot.known_end = rows.first + rows.n;
  slot.known_begin = std::max(slot.known_begin, slot.known_end - rows_per_slot_);
  for (int64_t p = std::max(rows.first, slot.known_begin); p < slot.known_end; ++p)
    GANNET_TRY(session_.carry_hidden(rows.hidden + static_cast<int32_t>(p - rows.first), place(slot, p)));
  return {};
}

Result<StepResult> MtpDrafter::step(std::span<const Rows> rows, bool draft) {
  pieces_.clear();
  numbers_.clear();
  for (const Rows& r : rows)
    for (int64_t q = r.begin; q < r.end; ++q)
      numbers_.push_back(r.fresh >= 0 ? r.fresh + static_cast<int32_t>(q - r.begin)
                                      : session_.carried_row(place(*r.slot, q - 1)));
  size_t at = 0;
  for (const Rows& r : rows) {
    GANNET_CHECK(r.begin == r.slot->next(), "rows of the block out of order");
    const auto n = static_cast<size_t>(r.end - r.begin);
    pieces_.push_back({r.slot->sequence, r.history.subspan(static_cast<size_t>(r.begin), n),
                       draft ? LogitRows::kLast : LogitRows::kNone, r.kept,
                       std::span(numbers_).subspan(at, n)});
    pieces_.back().top = r.top;
    at += n;
  }
  const StepResult result = GANNET_TRY(session_.step(StatePart::kMtp, pieces_, draft));
  for (const Rows& r : rows) r.slot->sequence->commit(StatePart::kMtp, r.end - r.begin);
  return result;
}

// Rows that are exact in front, as many in a step as fit.
Result<void> MtpDrafter::warm_up(std::vector<Rows>& rows) {
  std::ranges::stable_partition(rows, [](const Rows& r) { return !r.kept; });
  for (size_t first = 0, end = 0; first < rows.size(); first = end) {
    int64_t n = 0;
    while (end < rows.size() &&
           (end == first || n + rows[end].end - rows[end].begin <= session_.most_rows())) {
      n += rows[end].end - rows[end].begin;
      ++end;
    }
    GANNET_TRY(step(std::span(rows).subspan(first, end - first), false));
  }
  return {};
}

Result<void> MtpDrafter::draft(std::span<DraftRequest> requests) {
  std::vector<Rows> rows;
  std::vector<Draft> drafts;
  int64_t n = 0;
  const auto flush = [&]() -> Result<void> {
    if (rows.empty()) return {};
    GANNET_TRY(draft_together(rows, drafts));
    rows.clear();
    drafts.clear();
    n = 0;
    return {};
  };
  for (DraftRequest& request : requests) {
    Slot& s = slot_at(request.slot);
    const int64_t last = static_cast<int64_t>(request.history.size()) - 1;
    GANNET_CHECK(s.sequence != nullptr && request.sampling != nullptr && request.n_most > 0);
    if (s.known_begin == s.known_end || s.known_end != last) continue;  // the target's last row is not known
    leave_out_unknown(s);
    if (s.next() > last) {  // a draft from here was made before
      const bool cut =
          s.sequence->truncate(StatePart::kMtp, s.sequence->length(StatePart::kMtp) - (s.next() - last));
      GANNET_CHECK(cut);
    }
    if (head_ != nullptr) {
      head_->note(request.history.subspan(std::min(s.noted, request.history.size())));
      s.noted = request.history.size();
    }
    const int64_t more = last + 1 - s.next();
    if (n + more > session_.most_rows()) GANNET_TRY(flush());
    n += more;
    const bool top = chooser_.may_do_with(static_cast<size_t>(session_.options().top_logits),
                                          *request.sampling, n_logits());
    rows.push_back({.slot = &s, .history = request.history, .begin = s.next(), .end = last + 1, .top = top});
    drafts.push_back({.request = &request, .sequence = s.sequence, .top = top});
  }
  return flush();
}

Result<void> MtpDrafter::draft_together(std::span<const Rows> rows, std::vector<Draft>& drafts) {
  if (head_ != nullptr) GANNET_TRY(head_->refresh());
  const StepResult first = GANNET_TRY(step(rows, true));
  for (Draft& d : drafts) d.length = d.sequence->length(StatePart::kMtp);
  const std::vector<Draft> all = drafts;
  choose(drafts, first);
  Result<void> done;
  while (!drafts.empty()) {
    pieces_.clear();
    numbers_.clear();
    for (const Draft& d : drafts) numbers_.push_back(d.hidden);
    for (size_t i = 0; i < drafts.size(); ++i)
      pieces_.push_back({.sequence = drafts[i].sequence,
                         .tokens = {&drafts[i].request->tokens.back().token, 1},
                         .logits = LogitRows::kLast,
                         .hidden = std::span(numbers_).subspan(i, 1),
                         .top = drafts[i].top});
    auto next = session_.step(StatePart::kMtp, pieces_, true);
    if (!next.ok()) {
      done = next.take_error();
      break;
    }
    for (const Draft& d : drafts) d.sequence->commit(StatePart::kMtp, 1);
    choose(drafts, *next);
  }
  for (const Draft& d : all) {
    const bool cut = d.sequence->truncate(StatePart::kMtp, d.length);
    GANNET_CHECK(cut);
  }
  return done;
}

int32_t MtpDrafter::n_logits() const {
  return head_ != nullptr ? static_cast<int32_t>(head_->ids().size()) : chooser_.n_vocab();
}

void MtpDrafter::choose(std::vector<Draft>& drafts, const StepResult& result) {
  size_t i = 0;
  std::erase_if(drafts, [&](Draft& d) {
    const size_t row = i++;
    d.hidden = result.hidden + result.rows[row];
    DraftRequest& r = *d.request;
    const LogitsRow logits = session_.logits(result, row, n_logits());
    if (!(head_ != nullptr ? chooser_.add(r, logits, head_->ids(), head_->rows()) : chooser_.add(r, logits)))
      return true;
    return static_cast<int>(r.tokens.size()) >= r.n_most ||
           d.sequence->length(StatePart::kMtp) >= session_.options().n_ctx ||
           (r.another && !r.another(r.tokens.back().confidence));
  });
}

}  // namespace gannet
