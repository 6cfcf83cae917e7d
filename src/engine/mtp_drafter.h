// Drafts with the model's own block for the token after the next one (MTP). The block reads, for the token at
// a position, its embedding and the target's normed hidden row of the position before, and guesses the token
// behind; then it goes on from its own hidden row. It has one attention layer whose K and V lie in the
// sequence beside the target's (StatePart::kMtp).
//
// - The block's row j is of token j + 1 of the text with the hidden row of token j, at position j: as it was
//   trained. The first token of a text has no row. Rows whose hidden row is not there (-1 in
//   TargetRows::hidden, a target that went back) are left out, and later ones move up.
// - Of prompts, and of rows that nobody drafts from, only K and V are made, many at once.
// - Accepted rows wait with their hidden rows until the next draft: one step of the block takes them all, and
//   its last row gives the first drafted token. Where no drafts are wanted they wait until there are many.
// - What the block remembers of drafted tokens is taken back when the draft is made, by cutting; when they
//   became text their rows come again, with the target's hidden rows.
#pragma once

#include <memory>
#include <vector>

#include "draft/drafter.h"
#include "engine/draft_choice.h"
#include "engine/draft_head.h"
#include "engine/draft_vocabulary.h"
#include "engine/session.h"

namespace gannet {

struct MtpDrafterOptions {
  int n_slots = 1;  // slots are 0 .. n_slots - 1
  // Steps wait for plans while an answer is made. Else what lacks a plan of a single text is left out; drafts
  // of several at once may still wait for theirs.
  bool wait_for_plans = true;
  int32_t n_vocab = 0;  // ids that may be drafted are below it; 0: all that have logits
  // Rows of a head for drafts only, chosen by `counts`, if the vocabulary is given and more than twice as
  // large; 0: never.
  size_t draft_head = 32768;
  const Vocabulary* vocabulary = nullptr;
  TokenCounts counts = {};
};

class MtpDrafter final : public Drafter {
 public:
  // The session is the target's, with SessionOptions::mtp, and outlives the drafter; its places for carried
  // rows are the drafter's. Errors: kUsage for a model without the block, for a graph that takes one sequence
  // at a time, and for fewer than two places per slot.
  static Result<std::unique_ptr<MtpDrafter>> create(Session& session, MtpDrafterOptions options);

  // The sequence of a slot, which stays where it is until end(). To be called before begin() whenever it is
  // another one. What it holds of the target, and of the block, must be of the text that begin() tells.
  void attach(int slot, SequenceState* sequence);

  const DrafterInfo& info() const override { return info_; }
  // The sequence must have been taken back already: it holds tokens of the target for the front of `history`.
  Result<void> begin(int slot, std::span<const TokenId> history, size_t n_kept) override;
  // May run the block, which ends the life of the logits of the target's step: to be called when they have
  // been used.
  Result<void> ran(std::span<const TargetRows> rows) override;
  // Errors: those of Session::step(). The sequences are as they were then.
  Result<void> draft(std::span<DraftRequest> requests) override;
  bool ready() override;
  void verified(int, int, int) override {}
  void end(int slot) override;

  const DraftHead* draft_head() const { return head_.get(); }  // null: the model's own is used
  // Rows of a slot that wait for a draft.
  int64_t waiting(int slot) const;

  // Of how many tokens at the end of a prompt the block should see rows (StepPiece::n_hidden): so few are
  // exact in the target's last layer (the prompt comes out as without the block) and cost it less than a
  // hundredth of a prompt of 512 tokens. Acceptance hardly depends on it: what the block needs to know of
  // the text is in the last hidden row.
  int64_t prompt_rows(int64_t n_prompt) const override;

 private:
  struct Slot {
    SequenceState* sequence = nullptr;
    int64_t left_out = 0;                    // positions without a row of the block, up to its last one
    int64_t known_begin = 0, known_end = 0;  // positions whose hidden rows are carried
    size_t noted = 0;                        // tokens of the text that the draft head knows

    // Position of the token of the block's next row; it takes the hidden row of the position before.
    int64_t next() const { return sequence->length(StatePart::kMtp) + 1 + left_out; }
  };
  // Rows [begin, end), by position of the token, of a slot that has them next.
  struct Rows {
    Slot* slot;
    std::span<const TokenId> history;
    int64_t begin, end;
    bool kept = false;   // StepPiece::kept
    int32_t fresh = -1;  // hidden row of position begin - 1, where the target left it; -1: they are carried
    bool top = false;    // StepPiece::top
  };
  struct Draft {
    DraftRequest* request;
    SequenceState* sequence;
    int64_t length = 0;   // of the block's part without drafted tokens
    int32_t hidden = -1;  // of its last row
    bool top = false;     // StepPiece::top
  };
  MtpDrafter(Session& session, const MtpDrafterOptions& options, int rows_per_slot);
  Slot& slot_at(int slot);
  // Where its hidden row is carried.
  int32_t place(const Slot& slot, int64_t position) const;
  // The next rows of the block begin where hidden rows are known.
  void leave_out_unknown(Slot& slot);
  Result<void> carry(Slot& slot, const TargetRows& rows);
  Result<StepResult> step(std::span<const Rows> rows, bool draft);
  Result<void> warm_up(std::vector<Rows>& rows);
  Result<void> draft_together(std::span<const Rows> rows, std::vector<Draft>& drafts);
  // Logits of a row.
  int32_t n_logits() const;
  // Adds a token to each draft, and leaves those that want more.
  void choose(std::vector<Draft>& drafts, const StepResult& result);

  Session& session_;
  DrafterInfo info_;
  const int rows_per_slot_;  // that may wait
  const bool waits_for_plans_;
  std::vector<Slot> slots_;
  bool ready_ = false;
  DraftChooser chooser_;
  std::unique_ptr<DraftHead> head_;
  std::vector<StepPiece> pieces_;
  std::vector<int32_t> numbers_;
};

}  // namespace gannet
