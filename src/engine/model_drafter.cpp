#include "engine/model_drafter.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/core.h>

#include "base/printable.h"

namespace gannet {
namespace {

// Pieces of a text longer than this are prompts.
constexpr int64_t kPrompt = 32;

Error differs(const std::string& what) {
  return Error(
      ErrorCode::kUsage,
      fmt::format("the draft model's vocabulary is not the model's: {}; use a draft model of the same family",
                  what));
}

Result<void> check_special(const char* name, bool target_adds, bool draft_adds, std::optional<TokenId> target,
                           std::optional<TokenId> draft) {
  if (target_adds != draft_adds)
    return differs(fmt::format("{} puts a token of {} at texts, the other does not",
                               target_adds ? "the model" : "it", name));
  if (target_adds && target != draft)
    return differs(
        fmt::format("the token of {} is {}, not {}", name, draft.value_or(-1), target.value_or(-1)));
  return {};
}

}  // namespace

Result<void> check_draft_vocabulary(const Vocabulary& target, const Vocabulary& draft) {
  constexpr int32_t kMostDifference = 128;
  constexpr TokenId kFirst = 5;  // below it some files have other names for unused tokens
  GANNET_TRY(check_special("beginning", target.add_bos(), draft.add_bos(), target.special(SpecialToken::kBos),
                           draft.special(SpecialToken::kBos)));
  GANNET_TRY(check_special("end", target.add_eos(), draft.add_eos(), target.special(SpecialToken::kEos),
                           draft.special(SpecialToken::kEos)));
  if (std::abs(target.size() - draft.size()) > kMostDifference)
    return differs(fmt::format("it has {} tokens, not {}", draft.size(), target.size()));
  for (TokenId id = kFirst; id < std::min(target.size(), draft.size()); ++id)
    if (target.piece(id) != draft.piece(id))
      return differs(
          fmt::format("token {} is {}, not {}", id, printable(draft.piece(id)), printable(target.piece(id))));
  return {};
}

ModelDrafter::ModelDrafter(std::unique_ptr<Session> session, const ModelDrafterOptions& options)
    : session_(std::move(session)),
      info_{.name = "draft-simple", .most = kMost},
      chooser_(
          options.n_vocab > 0
              ? std::min(options.n_vocab, static_cast<int32_t>(session_->model().hyperparameters().n_vocab))
              : static_cast<int32_t>(session_->model().hyperparameters().n_vocab)) {
  for (int i = 0; i < options.n_slots; ++i) slots_.push_back({session_->new_sequence(), {}, 0, {}});
}

Result<std::unique_ptr<ModelDrafter>> ModelDrafter::create(std::shared_ptr<const Model> model,
                                                           SessionOptions session,
                                                           ModelDrafterOptions options) {
  session.mtp = false;
  // Drafted tokens are read one by one, and none of them may move the base of the recurrent state.
  session.open_rows = 1;
  session.fold_at = kMost;
  auto made = GANNET_TRY(Session::create(std::move(model), std::move(session)));
  if (made->one_sequence_at_a_time())
    return Error(ErrorCode::kUsage,
                 "the graph that was asked for (--graph, --passes) does not go with draft-simple");
  return std::unique_ptr<ModelDrafter>(new ModelDrafter(std::move(made), options));
}

ModelDrafter::Slot& ModelDrafter::slot_at(int slot) {
  GANNET_CHECK(slot >= 0 && static_cast<size_t>(slot) < slots_.size(), "no such slot");
  return slots_[static_cast<size_t>(slot)];
}

void ModelDrafter::end(int slot) {
  slot_at(slot) = {session_->new_sequence(), {}, 0, {}};
}

Result<void> ModelDrafter::begin(int slot, std::span<const TokenId> history, size_t n_kept) {
  Slot& s = slot_at(slot);
  s.agreed = std::min(s.agreed, n_kept);
  agree(s, history, history.size());
  s.start = s.sequence.snapshot();
  return {};
}

// A larger vocabulary may have tokens that this one lacks.
bool ModelDrafter::can_read(const Slot& slot, std::span<const TokenId> history) const {
  const auto n_vocab = static_cast<TokenId>(session_->model().hyperparameters().n_vocab);
  return history.size() <= static_cast<size_t>(session_->options().n_ctx) &&
         std::ranges::all_of(history.subspan(slot.text.size()), [&](TokenId id) { return id < n_vocab; });
}

void ModelDrafter::agree(Slot& slot, std::span<const TokenId> history, size_t most) {
  size_t n = std::min(slot.agreed, most);
  while (n < slot.text.size() && n < most && slot.text[n] == history[n]) ++n;
  slot.agreed = n;
  if (!slot.sequence.truncate(StatePart::kTrunk, static_cast<int64_t>(n))) {
    // Further back than the base of the recurrent state.
    if (slot.start.length() > static_cast<int64_t>(n)) slot.start = {};
    slot.sequence.rollback(slot.start);
  }
  slot.text.resize(static_cast<size_t>(slot.sequence.length()));
  slot.agreed = slot.text.size();
}

// The steps that begin a draft of one text, and go on with it.
bool ModelDrafter::ready() {
  bool all = true;
  for (int64_t rows = 1; rows <= static_cast<int64_t>(kPrompt); rows *= 2)
    all = session_->ready(StatePart::kTrunk, rows, 1, 0) && all;
  return all;
}

Result<StepResult> ModelDrafter::step(std::span<const Unread> pieces, LogitRows logits, bool kept) {
  pieces_.clear();
  for (const Unread& u : pieces)
    pieces_.push_back({.sequence = &u.slot->sequence,
                       .tokens = u.tokens,
                       .logits = logits,
                       .kept = kept,
                       .hidden = {},
                       .top = u.top});
  const StepResult result = GANNET_TRY(session_->step(StatePart::kTrunk, pieces_));
  for (const Unread& u : pieces) {
    u.slot->sequence.commit(StatePart::kTrunk, static_cast<int64_t>(u.tokens.size()));
    u.slot->text.insert(u.slot->text.end(), u.tokens.begin(), u.tokens.end());
  }
  return result;
}

// In steps of as many rows as fit, sequence after sequence.
Result<void> ModelDrafter::read(std::vector<Unread> unread) {
  const auto most = static_cast<size_t>(session_->most_rows());
  std::vector<Unread> now;
  size_t room = most;
  for (Unread& u : unread)
    while (!u.tokens.empty()) {
      const size_t n = std::min(room, u.tokens.size());
      now.push_back({u.slot, u.tokens.first(n)});
      u.tokens = u.tokens.subspan(n);
      room -= n;
      if (room > 0) continue;
      GANNET_TRY(step(now, LogitRows::kNone, true));
      now.clear();
      room = most;
    }
  if (!now.empty()) GANNET_TRY(step(now, LogitRows::kNone, true));
  return {};
}

Result<void> ModelDrafter::ran(std::span<const TargetRows> rows) {
  std::vector<Unread> unread;
  for (const TargetRows& r : rows) {
    Slot& s = slot_at(r.slot);
    if (r.n <= kPrompt) continue;
    const auto history = r.history.first(static_cast<size_t>(r.first + r.n));
    agree(s, history, history.size());
    if (s.text.size() < history.size() && can_read(s, history))
      unread.push_back({&s, history.subspan(s.text.size())});
  }
  return read(std::move(unread));
}

Result<void> ModelDrafter::draft(std::span<DraftRequest> requests) {
  std::vector<Draft> drafts;
  std::vector<Unread> unread;
  for (DraftRequest& r : requests) {
    GANNET_CHECK(r.sampling != nullptr && r.n_most > 0 && !r.history.empty());
    Slot& s = slot_at(r.slot);
    agree(s, r.history, r.history.size() - 1);  // the last one is read for its logits
    if (!can_read(s, r.history)) continue;
    drafts.push_back({&r, &s,
                      chooser_.may_do_with(static_cast<size_t>(session_->options().top_logits), *r.sampling,
                                           chooser_.n_vocab())});
    // All but what goes with the step that begins the draft.
    const size_t n = r.history.size() - s.text.size();
    if (n > kPrompt) unread.push_back({&s, r.history.subspan(s.text.size(), n - 1)});
  }
  GANNET_TRY(read(std::move(unread)));
  const auto at_once = static_cast<size_t>(session_->most_rows() / kPrompt);
  for (size_t first = 0; first < drafts.size(); first += at_once) {
    std::vector<Draft> now(
        drafts.begin() + static_cast<std::ptrdiff_t>(first),
        drafts.begin() + static_cast<std::ptrdiff_t>(std::min(first + at_once, drafts.size())));
    GANNET_TRY(draft_together(now));
  }
  return {};
}

Result<void> ModelDrafter::draft_together(std::vector<Draft>& drafts) {
  std::vector<Unread> rows;
  for (const Draft& d : drafts)
    rows.push_back({d.slot, d.request->history.subspan(d.slot->text.size()), d.top});
  // Behind these the recurrent state is stored, so that all of the draft can be taken back.
  choose(drafts, GANNET_TRY(step(rows, LogitRows::kLast, true)));
  for (const Unread& r : rows) r.slot->agreed = r.slot->text.size();
  while (!drafts.empty()) {
    rows.clear();
    for (const Draft& d : drafts) rows.push_back({d.slot, {&d.request->tokens.back().token, 1}, d.top});
    choose(drafts, GANNET_TRY(step(rows, LogitRows::kLast, false)));
  }
  return {};
}

void ModelDrafter::choose(std::vector<Draft>& drafts, const StepResult& result) {
  size_t row = 0;
  std::erase_if(drafts, [&](const Draft& d) {
    DraftRequest& r = *d.request;
    if (!chooser_.add(r, session_->logits(result, row++, chooser_.n_vocab()))) return true;
    const auto n = static_cast<int>(r.tokens.size());
    return n >= r.n_most || n >= kMost ||
           d.slot->text.size() >= static_cast<size_t>(session_->options().n_ctx) ||
           (r.another && !r.another(r.tokens.back().confidence));
  });
}

}  // namespace gannet
