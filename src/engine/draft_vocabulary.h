// Which tokens a draft may consist of when not all are looked at: those that are frequent. A token outside
// is never drafted, and costs a draft that is cut short there.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "text/vocabulary.h"

namespace gannet {

// How often tokens were seen.
class TokenCounts {
 public:
  void add(std::span<const TokenId> tokens);
  // Pairs of id and count, by rising id. Adding them again gives the same counts.
  std::vector<std::pair<TokenId, uint32_t>> list() const;
  // The same as what to store: of the ids from `first` on (lower ones are taken anyway) those seen most
  // often. Old counts fade: all are halved when one has reached kFull.
  std::vector<std::pair<TokenId, uint32_t>> most_frequent(TokenId first, size_t most) const;
  static constexpr uint32_t kFull = 10000;
  void add(std::span<const std::pair<TokenId, uint32_t>> pairs);  // ids below 0 are passed over

  uint32_t of(TokenId id) const;

 private:
  std::vector<uint32_t> of_;  // by id
};

// n different ids (all, if there are fewer), ascending. Always among them, as far as n allows: control,
// user-defined and byte tokens, those of a single byte, and white space. Of the others the likeliest ones by
// the counts and by a prior: merges are made in order of frequency, so low ids are frequent (Zipf's law).
std::vector<TokenId> choose_draft_tokens(const Vocabulary& vocabulary, const TokenCounts& counts, size_t n);

}  // namespace gannet
