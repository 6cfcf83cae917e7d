// The tokens of a vocabulary as a tree over their bytes, in the order of a walk: what a grammar walks to find
// the tokens it allows. One per vocabulary, shared by all grammars.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"

namespace gannet {

class MaskCache;

// Immutable after build(), but for the cache, which looks after itself; safe to share between threads. 12
// bytes per node, 2 to 3 nodes per token.
class TokenTrie {
 public:
  struct Node {
    uint32_t end;          // nodes below this one come before it
    uint32_t first_token;  // those of the next node come behind its own
    uint8_t byte;
    uint8_t is_leaf;
    uint16_t depth;  // of the root: 0
  };

  // Control tokens are there as kControlMark and their text (grammar.h). Left out, so that no grammar allows
  // them: tokens that end a generation (they are handled apart), unused and unknown ones, empty ones, and
  // those with bytes that occur in no UTF-8 (0xC0, 0xC1, 0xF5 to 0xFF).
  static std::shared_ptr<const TokenTrie> build(const Vocabulary& vocabulary);

  size_t n_tokens() const { return n_tokens_; }  // of the vocabulary
  size_t n_words() const { return (n_tokens_ + 63) / 64; }
  uint32_t n_nodes() const { return static_cast<uint32_t>(nodes_.size()) - 1; }
  size_t max_depth() const { return max_depth_; }
  size_t bytes_used() const;

  // Node 0 is the root, the others follow in preorder: the nodes below n are n + 1 to nodes()[n].end - 1.
  std::span<const Node> nodes() const { return nodes_; }
  // Tokens with exactly the bytes of the path to the node.
  std::span<const TokenId> tokens(uint32_t node) const {
    return std::span(tokens_).subspan(nodes_[node].first_token,
                                      nodes_[node + 1].first_token - nodes_[node].first_token);
  }
  // What grammars found out about these tokens and others may find useful.
  MaskCache& cache() const { return *cache_; }

  // Ends of generation, ascending.
  std::span<const TokenId> end_tokens() const { return end_tokens_; }
  bool is_end(TokenId token) const;
  // What a token adds to the text of a grammar; empty for those that are left out.
  std::string_view text(TokenId token) const {
    const auto i = static_cast<size_t>(token);
    return std::string_view(texts_).substr(text_begins_[i], text_begins_[i + 1] - text_begins_[i]);
  }

 private:
  size_t n_tokens_ = 0;
  size_t max_depth_ = 0;
  std::vector<Node> nodes_;      // and one behind the last
  std::vector<TokenId> tokens_;  // in the order of their bytes
  std::vector<TokenId> end_tokens_;
  std::string texts_;
  std::vector<uint32_t> text_begins_;
  std::shared_ptr<MaskCache> cache_;
};

}  // namespace gannet
