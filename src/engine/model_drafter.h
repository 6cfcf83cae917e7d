// Drafts with another, smaller model of the same vocabulary. It reads the text beside the target and goes on
// from there token by token. What it remembers of drafted tokens stays until the text is known; then it is
// cut back to what both have in common, so tokens that were right are not read twice. Recurrent state goes
// back by its ring (nothing is copied), for which a draft begins with the state stored.
#pragma once

#include <memory>
#include <vector>

#include "draft/drafter.h"
#include "engine/draft_choice.h"
#include "engine/session.h"

namespace gannet {

// Whether tokens of one vocabulary mean the same in the other, so that one may draft for the other: the same
// begin and end tokens where these are added to texts, sizes that differ by 128 at most (padding), and the
// same text of every id from 5 on that both have. Errors: kUsage, with the first difference.
Result<void> check_draft_vocabulary(const Vocabulary& target, const Vocabulary& draft);

struct ModelDrafterOptions {
  int n_slots = 1;      // slots are 0 .. n_slots - 1
  int32_t n_vocab = 0;  // ids that may be drafted are below it; 0: all that have logits
};

class ModelDrafter final : public Drafter {
 public:
  static constexpr int kMost = 16;  // tokens of a draft

  // Makes a session for the draft model; threads, types and context are those of `session`, the rest is set
  // here. Errors: those of Session::create(), and kUsage for a graph that takes one sequence at a time.
  static Result<std::unique_ptr<ModelDrafter>> create(std::shared_ptr<const Model> model,
                                                      SessionOptions session, ModelDrafterOptions options);

  const DrafterInfo& info() const override { return info_; }
  Result<void> begin(int slot, std::span<const TokenId> history, size_t n_kept) override;
  // Reads prompts at once; tokens of an answer are read when a draft is wanted.
  Result<void> ran(std::span<const TargetRows> rows) override;
  // There are no drafts behind tokens that the draft model does not have, nor where its context ends. Errors:
  // those of Session::step().
  Result<void> draft(std::span<DraftRequest> requests) override;
  bool ready() override;
  void verified(int, int, int) override {}
  void end(int slot) override;

  Session& session() { return *session_; }
  // Tokens that the draft model holds of a slot's text, drafted ones included.
  size_t held(int slot) const { return slots_[static_cast<size_t>(slot)].text.size(); }

 private:
  struct Slot {
    SequenceState sequence;
    std::vector<TokenId> text;  // that the sequence holds
    size_t agreed = 0;          // so much of it is known to be the text's
    StateSnapshot start;        // where the last text began to differ, for texts that do so again
  };
  // Tokens of a slot that are not read yet.
  struct Unread {
    Slot* slot;
    std::span<const TokenId> tokens;
    bool top = false;  // StepPiece::top
  };
  struct Draft {
    DraftRequest* request;
    Slot* slot;
    bool top;  // StepPiece::top
  };
  ModelDrafter(std::unique_ptr<Session> session, const ModelDrafterOptions& options);
  Slot& slot_at(int slot);
  bool can_read(const Slot& slot, std::span<const TokenId> history) const;
  // Back to what the sequence and the text have in common, at most `most` tokens.
  void agree(Slot& slot, std::span<const TokenId> history, size_t most);
  Result<void> read(std::vector<Unread> unread);
  Result<StepResult> step(std::span<const Unread> pieces, LogitRows logits, bool kept);
  Result<void> draft_together(std::vector<Draft>& drafts);
  // Adds a token to each draft, and leaves those that want more.
  void choose(std::vector<Draft>& drafts, const StepResult& result);

  std::unique_ptr<Session> session_;
  DrafterInfo info_;
  std::vector<Slot> slots_;
  DraftChooser chooser_;
  std::vector<StepPiece> pieces_;
};

}  // namespace gannet
