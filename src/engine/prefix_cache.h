// What was read once is not read again: points of texts, and what the model remembered there. A tree over
// tokens, so that texts which begin alike share their beginnings; the state itself is shared by the pool,
// page by page. Recurrent state cannot be cut, so a text can be taken up at remembered points only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/state_store.h"
#include "state/sequence_state.h"
#include "text/vocabulary.h"

namespace gannet {

struct PrefixHit {
  size_t n_tokens = 0;  // of the text, from its beginning, that are in the state
  StateSnapshot state;
};

// A point that is not in memory.
struct StoredHit {
  size_t n_tokens = 0;
  StateStore::Id id = 0;
};

// One thread at a time. The pool gives remembered states up when memory gets short, those first that are
// least worth; they are missing then, and a shorter beginning is found.
class PrefixCache {
 public:
  // The pool must outlive it, and so must `store` (may be null), whose points it knows from the beginning.
  // `most_points`: of more than so many in memory the ones used longest ago are forgotten.
  explicit PrefixCache(StatePool& pool, StateStore* store = nullptr, size_t most_points = 4096);
  ~PrefixCache();
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  // The longest remembered beginning of `tokens` with at most `most` of them.
  std::optional<PrefixHit> find(std::span<const TokenId> tokens, size_t most);
  // The longest beginning with at most `most` tokens and more than `beyond` that the store can bring back.
  std::optional<StoredHit> find_stored(std::span<const TokenId> tokens, size_t most, size_t beyond) const;
  // How many tokens `text` has in common with any that is remembered, whether there is a point or not.
  size_t common(std::span<const TokenId> text) const;
  // `state` is of all of `tokens`. What is there already stays. `lasting`: it goes to the store as well.
  void remember(std::span<const TokenId> tokens, StateSnapshot state, bool lasting = false);
  // What is remembered of exactly these tokens, in memory and on disk.
  void forget(std::span<const TokenId> tokens);
  size_t n_points() const { return n_points_; }
  void clear();

 private:
  struct Node;
  Node* child(const Node& node, TokenId first) const;
  std::vector<std::pair<Node*, size_t>> way(std::span<const TokenId> tokens) const;
  Node* node_of(std::span<const TokenId> tokens);
  void store(Node* node, std::span<const TokenId> tokens);
  void forget_point(Node* node);
  void remove_if_useless(Node* node);
  void forget_oldest();
  void forget_stale();

  StatePool& pool_;
  StateStore* const store_;
  const size_t most_points_;
  std::unique_ptr<Node> root_;
  size_t n_points_ = 0, n_stored_ = 0;
  uint64_t clock_ = 0;
};

}  // namespace gannet
