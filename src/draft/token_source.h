// Sources of drafts that only see tokens: each looks up how the text went on where it was like its end now.
// One object per sequence. Make a drafter (draft/drafter.h) of a kind by make_token_drafter().
#pragma once

#include <memory>

#include "draft/drafter.h"
#include "draft/options.h"

namespace gannet {

// The text of one sequence as one source indexes it. One thread at a time.
class TokenSource {
 public:
  virtual ~TokenSource() = default;
  // The text is now `history`, the first n_kept tokens of which are as they were; what it did not know of
  // them is new too. Amortised linear in what is new and what is gone.
  virtual void begin(std::span<const TokenId> history, size_t n_kept) = 0;
  // `history` got longer at its end.
  virtual void append(std::span<const TokenId> history) = 0;
  // How it might go on, at most n_most tokens; appended to `out`.
  virtual void draft(std::span<const TokenId> history, int n_most, std::vector<DraftToken>& out) = 0;
  virtual void verified(int n_verified, int n_right) = 0;
};

// A drafter (looks_up) with one TokenSource per slot; the slots share ngram-mod's table, and of ngram-cache
// the counts of the files. Errors: kUsage or kRuntime for files of ngram-cache that cannot be read or are not
// such, or have tokens that are not below n_vocab (the message names the file). `kind` must be one that only
// sees tokens. Sizes must be sensible: n-grams of at least one token, drafts of at least one.
Result<std::unique_ptr<Drafter>> make_token_drafter(SourceKind kind, const SpeculationOptions& options,
                                                    TokenId n_vocab = static_cast<TokenId>(kMaxTokens));

}  // namespace gannet
