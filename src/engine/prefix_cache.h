// What was read once is not read again: points of texts, and what the model remembered there. A tree over
// tokens, so that texts which begin alike share their beginnings; the state itself is shared by the pool,
// page by page. Recurrent state cannot be cut, so a text can be taken up at remembered points only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "state/sequence_state.h"
#include "text/vocabulary.h"

namespace gannet {

struct PrefixHit {
  size_t n_tokens = 0;  // of the text, from its beginning, that are in the state
  StateSnapshot state;
};

// One thread at a time. The pool gives remembered states up when memory gets short, those first that are
// least worth; they are missing then, and a shorter beginning is found.
class PrefixCache {
 public:
  // The pool must outlive it. `most_points`: of more than so many the ones used longest ago are forgotten.
  explicit PrefixCache(StatePool& pool, size_t most_points = 4096);
  ~PrefixCache();
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  // The longest remembered beginning of `tokens` with at most `most` of them.
  std::optional<PrefixHit> find(std::span<const TokenId> tokens, size_t most);
  // How many tokens `text` has in common with any that is remembered, whether there is a point or not.
  size_t common(std::span<const TokenId> text) const;
  // `state` is of all of `tokens`. What is there already stays.
  void remember(std::span<const TokenId> tokens, StateSnapshot state);
  size_t n_points() const { return n_points_; }
  void clear();

 private:
  struct Node;
  Node* child(const Node& node, TokenId first) const;
  void forget_point(Node* node);
  void remove_if_useless(Node* node);
  void forget_oldest();

  StatePool& pool_;
  const size_t most_points_;
  std::unique_ptr<Node> root_;
  size_t n_points_ = 0;
  uint64_t clock_ = 0;
};

}  // namespace gannet
