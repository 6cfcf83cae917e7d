// ngram-suffix: the longest end of the text that occurred before, whatever its length, and what followed it
// most often.
#pragma once

#include <memory>

#include "draft/token_source.h"

namespace gannet {

// Drafts up to n_max tokens, as long as all of them are right with a chance of at least `least`.
std::unique_ptr<TokenSource> make_suffix_source(int n_max, float least);

}  // namespace gannet
