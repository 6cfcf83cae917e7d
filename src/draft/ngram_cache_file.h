// The files of ngram-cache, as other programs write them too: records of an n-gram (4 x i32, filled with -1
// at the end), the number K of tokens that followed it (i32), and K x (token, count) (2 x i32), little
// endian, one after the other, without a header. Files are untrusted.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"
#include "draft/ngram_counts.h"

namespace gannet {

// Of records for the same n-gram, and of a token that occurs twice in one, the counts are added. `path` is
// for messages. Errors: kRuntime with path, byte and what is wrong: cut off, an n-gram that is empty or has a
// gap, no tokens, a token that is not below n_vocab, a count below 1, more than 512 MiB.
Result<NgramCounts> parse_ngram_counts(std::span<const std::byte> bytes, TokenId n_vocab,
                                       const std::string& path);
// Errors as above; kUsage when the file cannot be opened.
Result<NgramCounts> read_ngram_counts(const std::string& path, TokenId n_vocab);
// Whole or not at all. Errors: see AtomicFile.
Result<void> write_ngram_counts(const NgramCounts& counts, const std::string& path);

}  // namespace gannet
