// Reads the tokenizer.ggml.* keys of a model file into a Tokenizer. Must not know: how text is split or
// merged.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "gguf/gguf.h"
#include "text/tokenizer.h"

namespace gannet {

// Builds the tokenizer of a file; keeps no view of it. Errors (kModelFile) begin with the file's path and
// name the key: a tokenizer model other than byte-level BPE ("gpt2"), a missing key, and everything
// Tokenizer::build() refuses.
Result<Tokenizer> tokenizer_from_gguf(const GgufFile& file);

// Sentences about ids of special tokens that name no token of the vocabulary and that nobody needs for an
// answer (padding and the like): the tokenizer is made without them. Ids that begin or end an answer are not
// passed over, see above.
std::vector<std::string> ignored_token_ids(const GgufFile& file);

}  // namespace gannet
