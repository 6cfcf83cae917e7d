#include "grammar/token_trie.h"

#include <algorithm>

#include "grammar/grammar.h"
#include "grammar/mask_cache.h"

namespace gannet {
namespace {

bool has_bytes_of_no_text(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto b = static_cast<uint8_t>(c);
    return b == 0xC0 || b == 0xC1 || b >= 0xF5;
  });
}

}  // namespace

std::shared_ptr<const TokenTrie> TokenTrie::build(const Vocabulary& vocabulary) {
  auto trie = std::make_shared<TokenTrie>();
  trie->n_tokens_ = static_cast<size_t>(vocabulary.size());
  trie->end_tokens_.assign(vocabulary.end_tokens().begin(), vocabulary.end_tokens().end());
  trie->text_begins_.push_back(0);
  for (TokenId t = 0; t < vocabulary.size(); ++t) {
    const TokenType type = vocabulary.type(t);
    const std::string_view piece = vocabulary.piece(t);
    if (!vocabulary.is_end(t) && type != TokenType::kUnused && type != TokenType::kUnknown &&
        !piece.empty() && !has_bytes_of_no_text(piece)) {
      if (type == TokenType::kControl) trie->texts_ += static_cast<char>(kControlMark);
      trie->texts_ += piece;
      trie->tokens_.push_back(t);
    }
    trie->text_begins_.push_back(static_cast<uint32_t>(trie->texts_.size()));
  }
  std::ranges::sort(trie->tokens_, [&](TokenId a, TokenId b) {
    const std::string_view x = trie->text(a), y = trie->text(b);
    return x != y ? x < y : a < b;
  });

  std::vector<uint32_t> path = {0};  // nodes from the root to the last one
  auto& nodes = trie->nodes_;
  nodes.push_back({});
  const auto leave = [&](size_t depth) {
    for (; path.size() > depth + 1; path.pop_back()) {
      nodes[path.back()].end = static_cast<uint32_t>(nodes.size());
      nodes[path.back()].is_leaf = path.back() + 1 == nodes.size();
    }
  };
  std::string_view before;
  for (size_t i = 0; i < trie->tokens_.size(); ++i) {
    const std::string_view text = trie->text(trie->tokens_[i]);
    const auto common = static_cast<size_t>(std::ranges::mismatch(before, text).in1 - before.begin());
    leave(common);
    for (size_t d = common; d < text.size(); ++d) {
      path.push_back(static_cast<uint32_t>(nodes.size()));
      nodes.push_back({.end = 0,
                       .first_token = static_cast<uint32_t>(i),
                       .byte = static_cast<uint8_t>(text[d]),
                       .is_leaf = 0,
                       .depth = static_cast<uint16_t>(d + 1)});
    }
    trie->max_depth_ = std::max(trie->max_depth_, text.size());
    before = text;
  }
  leave(0);
  nodes[0].end = static_cast<uint32_t>(nodes.size());
  nodes.push_back({.end = 0,
                   .first_token = static_cast<uint32_t>(trie->tokens_.size()),
                   .byte = 0,
                   .is_leaf = 1,
                   .depth = 0});
  trie->cache_ = std::make_shared<MaskCache>();
  return trie;
}

bool TokenTrie::is_end(TokenId token) const {
  return std::ranges::binary_search(end_tokens_, token);
}

size_t TokenTrie::bytes_used() const {
  return nodes_.capacity() * sizeof(Node) + text_begins_.capacity() * sizeof(uint32_t) +
         (tokens_.capacity() + end_tokens_.capacity()) * sizeof(TokenId) + texts_.capacity();
}

}  // namespace gannet
