// ngram-cache, lookup decoding: how often tokens followed the last 1 to 4, in this text, in earlier texts of
// all sequences, and in a corpus. Drafts what is by far the most frequent.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "draft/ngram_counts.h"
#include "draft/token_source.h"

namespace gannet {

// What the sequences share. One thread at a time.
struct NgramCacheFiles {
  // Empty names: no file. A dynamic file that is not there yet is empty. Errors: see read_ngram_counts().
  static Result<std::shared_ptr<NgramCacheFiles>> open(const std::string& static_path,
                                                       const std::string& dynamic_path, TokenId n_vocab);

  // A text has ended: what was counted in it is known from now on. Forgotten when there is no dynamic file,
  // or when it has become very large.
  void add(const NgramCounts& text);
  // Writes the dynamic file when there is something new. Errors: see AtomicFile.
  Result<void> save();

  NgramCounts corpus;   // of the static file; only n-grams of two tokens are looked up
  NgramCounts earlier;  // of the dynamic file
  std::string dynamic_path;
  bool changed = false;
};

inline constexpr int kNgramCacheMost = 8;  // tokens of a draft

std::unique_ptr<TokenSource> make_ngram_cache(std::shared_ptr<NgramCacheFiles> files);

}  // namespace gannet
