// A small copy of the MTP block's head, for drafts only: rows of frequent tokens, and of tokens that the
// texts at hand use. A large vocabulary makes the head the greater part of the block; with 32768 of 248320
// rows a drafted token of a 35b-a3b costs a fifth. The copy takes memory: 53 MiB there. After FR-Spec (Zhao
// and others, 2025), with rows that change.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/session.h"
#include "text/vocabulary.h"

namespace gannet {

// One thread, the session's. The map from rows to ids and back is always one to one.
class DraftHead {
 public:
  // Rows of `ids` (different ones, with rows in the model's head), and n_free more whose tokens change; those
  // begin as the lowest ids that are left. The session's MTP steps give logits of these rows from now on.
  // Errors: kOutOfMemory, kDevice.
  static Result<std::unique_ptr<DraftHead>> make(Session& session, std::span<const TokenId> ids,
                                                 size_t n_free);

  // Tokens of the texts that are at work: those without a row get one, in place of who has had his longest.
  void note(std::span<const TokenId> text);
  // Brings the rows that changed to the device; to be called in front of a step of the block.
  Result<void> refresh();

  // Row -> id, and id -> row (-1: none).
  std::span<const TokenId> ids() const { return ids_; }
  std::span<const int32_t> rows() const { return row_of_; }

 private:
  DraftHead(Session& session, TensorView head) : session_(session), head_(head) {}
  Result<void> upload(size_t first_row, size_t n);  // of neighbours in the model's head

  Session& session_;
  TensorView head_;  // the model's
  Place place_;      // of the rows on the device
  std::vector<TokenId> ids_;
  std::vector<int32_t> row_of_;
  size_t n_fixed_ = 0, next_ = 0;  // free rows are behind; the next to be given away
  std::vector<size_t> changed_;
};

}  // namespace gannet
