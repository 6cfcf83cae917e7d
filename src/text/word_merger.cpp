#include "text/word_merger.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>

namespace gannet {

// Looks up the merge of node `left` with its right neighbour and queues it.
void WordMerger::rate(uint32_t left, const MergeTable& table) {
  Node& node = nodes_[left];
  node.rank = kNone;
  if (node.next == nodes_.size()) return;
  const MergeTable::Entry* entry = table.find(node.symbol, nodes_[node.next].symbol);
  if (entry == nullptr) return;
  node.rank = entry->rank;
  node.result = entry->result;
  heap_.push_back((uint64_t{entry->rank} << 32) | left);
}

Result<void> WordMerger::merge(std::string_view word, const MergeTable& table, std::vector<TokenId>* out) {
  GANNET_CHECK(word.size() <= kMaxWord);
  const auto n = static_cast<uint32_t>(word.size());
  nodes_.resize(n);
  heap_.clear();
  for (uint32_t i = 0; i < n; ++i) {
    nodes_[i] =
        Node{table.byte_symbol(static_cast<uint8_t>(word[i])), i + 1, i == 0 ? kNone : i - 1, kNone, 0};
  }
  for (uint32_t i = 0; i < n; ++i) rate(i, table);
  std::make_heap(heap_.begin(), heap_.end(), std::greater<>());

  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    const uint64_t best = heap_.back();
    heap_.pop_back();
    const auto left = static_cast<uint32_t>(best);
    Node& node = nodes_[left];
    if (node.rank != static_cast<uint32_t>(best >> 32)) continue;  // stale: the pair has changed since
    Node& gone = nodes_[node.next];
    gone.rank = kNone;
    node.symbol = node.result;
    node.next = gone.next;
    if (node.next != n) nodes_[node.next].prev = left;
    const size_t queued = heap_.size();
    rate(left, table);
    if (heap_.size() != queued) std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
    if (node.prev == kNone) continue;
    const size_t queued_left = heap_.size();
    rate(node.prev, table);
    if (heap_.size() != queued_left) std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }

  for (uint32_t i = 0; i < n; i = nodes_[i].next) {
    if (table.is_token(nodes_[i].symbol)) {
      out->push_back(static_cast<TokenId>(nodes_[i].symbol));
      continue;
    }
    for (uint32_t at = i; at < nodes_[i].next; ++at) {
      const auto byte = static_cast<uint8_t>(word[at]);
      const auto token = table.byte_token(byte);
      if (!token) {
        return Error(
            ErrorCode::kModelFile,
            fmt::format("the vocabulary has no token for the byte 0x{:02X}, the text cannot be encoded",
                        byte));
      }
      out->push_back(*token);
    }
  }
  return {};
}

void WordMerger::shrink() {
  constexpr size_t kKeep = 1 << 16;
  if (nodes_.capacity() > kKeep) std::vector<Node>().swap(nodes_);
  if (heap_.capacity() > kKeep) std::vector<uint64_t>().swap(heap_);
}

}  // namespace gannet
