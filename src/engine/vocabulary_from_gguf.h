// Reads the tokenizer.ggml.* keys of a model file into a Tokenizer. Must not know: how text is split or
// merged.
#pragma once

#include "base/result.h"
#include "gguf/gguf.h"
#include "text/tokenizer.h"

namespace gannet {

// Builds the tokenizer of a file; keeps no view of it. Errors (kModelFile) begin with the file's path and
// name the key: a tokenizer model other than byte-level BPE ("gpt2"), a missing key, and everything
// Tokenizer::build() refuses.
Result<Tokenizer> tokenizer_from_gguf(const GgufFile& file);

// That the model's matrices have a row for every token of the file's vocabulary: without, a token would have
// no embedding or no logit. More rows than tokens are padding and fine; what a file does not have is not
// checked. Errors: kModelFile with path and numbers.
Result<void> check_vocabulary_rows(const GgufFile& file);

}  // namespace gannet
