// Which tokens keep a text within its grammar, as bit masks over the vocabulary. What a state allows,
// whatever lies below it on the stack, is found by one walk over the tokens and kept for all stacks; only
// tokens that go on behind the end of the state's rule are checked against each stack.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "grammar/mask_cache.h"
#include "grammar/stack_table.h"
#include "grammar/token_trie.h"

namespace gannet {

using TokenMask = std::shared_ptr<const std::vector<uint64_t>>;

// One thread at a time.
class TokenMasks {
 public:
  using Id = StackTable::Id;

  TokenMasks(std::shared_ptr<const Automaton> automaton, std::shared_ptr<const TokenTrie> trie);

  StackTable& stacks() { return stacks_; }
  const TokenTrie& trie() const { return *trie_; }

  // Errors (kRuntime): see GrammarConstraint::allowed().
  Result<TokenMask> mask(Id config);
  TokenMask only_end_tokens();
  Id advance(Id config, std::string_view text);

  // Numbers that somebody keeps; when the tables grow too large they are emptied, and these change.
  void keep(Id* config) { kept_.push_back(config); }
  void release(Id* config);
  void save_memory();

  size_t bytes_used() const { return stacks_.bytes_used() + local_bytes_; }

 private:
  const LocalMask& local(uint32_t state);
  MaskCache::Value make_local(uint32_t state);
  std::string structure(uint32_t state) const;
  void find_classes();
  template <class Accept, class Exit>
  void walk(uint32_t node, Id config, Accept&& accept, Exit&& exit);

  StackTable stacks_;
  std::shared_ptr<const TokenTrie> trie_;
  std::vector<uint32_t>
      classes_;  // by state: one that allows the same tokens and exits, empty: not found yet
  std::unordered_map<uint32_t, MaskCache::Value> locals_;  // by class
  size_t local_bytes_ = 0;
  std::unordered_map<Id, TokenMask> masks_;
  TokenMask only_end_;
  std::vector<Id*> kept_;
  std::vector<StackTable::Reader> path_;  // of a walk, by depth
};

}  // namespace gannet
