// ngram-simple, prompt lookup: where the last size_n tokens occurred last, what followed there.
#pragma once

#include <memory>

#include "draft/token_source.h"

namespace gannet {

// Drafts up to size_m tokens when the key occurred at least min_hits times before.
std::unique_ptr<TokenSource> make_ngram_simple(const NgramSizes& sizes);

}  // namespace gannet
