// ngram-map-k and ngram-map-k4v: as ngram-simple, and each key remembers how far its drafts were right.
#pragma once

#include <memory>

#include "draft/token_source.h"

namespace gannet {

// Drafts what followed the latest occurrence of a key.
std::unique_ptr<TokenSource> make_ngram_map_k(const NgramSizes& sizes);
// Drafts the most frequent of the first four texts of size_m tokens that followed a key, when it is at least
// twice as frequent as all others.
std::unique_ptr<TokenSource> make_ngram_map_k4v(const NgramSizes& sizes);

}  // namespace gannet
