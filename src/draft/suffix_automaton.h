// The suffix automaton of a text that grows at its end (Blumer, Blumer, Haussler, Ehrenfeucht, Chen, Seiferas
// 1985): the smallest automaton that reads all its substrings, at most 2 states and 3 edges per token. It can
// shrink at the end too, back to exactly what it was. Must not know: what is drafted from it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "draft/index_table.h"
#include "text/vocabulary.h"

namespace gannet {

// A state stands for substrings that end at the same places; the longest of them has `length` tokens. States
// and edges are numbers; kNone: there is none. O(1) per token, amortised; to shrink costs what it cost to
// grow.
class SuffixAutomaton {
 public:
  static constexpr uint32_t kNone = IndexTable::kNone;
  static constexpr uint32_t kRoot = 0;  // the empty string
  // A token counts in the states of that many of the longest ends of the text that it followed before: the
  // shorter ones, of which a loop has as many as tokens, would cost more than they tell.
  static constexpr int kCounted = 4;

  struct State {
    uint32_t length;
    uint32_t link;          // the state of its longest suffix that ends at more places
    uint32_t edge = kNone;  // one that leaves it
    uint32_t best = kNone;  // its edge that was taken most often; of equal ones the one taken last
    uint32_t total = 0;     // how often its edges were taken
  };
  struct Edge {
    uint32_t from, to;
    TokenId token;
    uint32_t other;  // another edge of the same state
    uint32_t count;  // how often it was taken
  };

  SuffixAutomaton() { clear(); }

  void clear();
  void append(TokenId token);
  // Forgets the last token.
  void remove_last();

  size_t size() const { return undo_.size(); }  // tokens
  const State& state(uint32_t s) const { return states_[s]; }
  const Edge& edge(uint32_t e) const { return edges_[e]; }
  uint32_t find(uint32_t state, TokenId token) const;  // its edge for the token

  // The state of the whole text. Nothing follows it.
  uint32_t last() const { return last_; }
  // That of the longest end of the text that occurs elsewhere in it too; kRoot: not even the last token does.
  uint32_t match() const { return last_ == kRoot ? kRoot : states_[last_].link; }

  size_t n_states() const { return states_.size(); }
  size_t n_edges() const { return edges_.size(); }
  size_t n_changes() const { return changes_.size(); }

 private:
  // What append() overwrote; states and edges that it made are those behind the numbers in Undo.
  enum Field : uint32_t { kLink, kTo, kBest, kCount };
  struct Change {
    uint32_t field : 2, which : 30;
    uint32_t before;
  };
  struct Undo {
    uint32_t n_states, n_edges, n_changes;  // before it; states[n_states] is that of the text with it
  };

  void change(Field field, uint32_t which, uint32_t before) { changes_.push_back({field, which, before}); }
  uint32_t add_state(uint32_t length, uint32_t link);
  void add_edge(uint32_t from, TokenId token, uint32_t to, uint32_t count);
  void take(uint32_t edge);
  uint32_t split(uint32_t state, uint32_t length);
  void remove_edge();

  std::vector<State> states_;
  std::vector<Edge> edges_;
  IndexTable table_;  // of edges that are not the first of their state
  uint32_t last_ = kRoot;
  std::vector<Change> changes_;
  std::vector<Undo> undo_;  // per token
};

}  // namespace gannet
