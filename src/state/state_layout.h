// What sequences of a model keep between runs, and where it lies in the memory of a sequence.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace gannet {

// A sequence is read by the trunk and by the MTP block. Each has rows of K and V of its own, as many as it
// has read: one may be ahead of the other.
enum class StatePart : uint8_t { kTrunk, kMtp };
inline constexpr std::array kStateParts = {StatePart::kTrunk, StatePart::kMtp};

constexpr size_t part_index(StatePart part) {
  return static_cast<size_t>(part);
}

// A sequence may have its layers in more than one memory: those that a device runs in its own. 0 is that of
// the session's device.
inline constexpr size_t kMostMemories = 2;
template <class T>
using PerMemory = std::array<T, kMostMemories>;

// Tokens of a page. A page holds that many rows of every layer of both parts.
inline constexpr int64_t kPageTokens = 64;

struct StateLayout {
  // K and V of an attention layer.
  struct KvLayer {
    std::string name;  // state name in the graph: "kv.3"
    int64_t n_kv_heads = 0, head_dim = 0;
    DType k_type = DType::kF16, v_type = DType::kF16;
    StatePart part = StatePart::kTrunk;
    size_t memory = 0;
  };
  // A state of fixed size, F32, always of the trunk: a conv window or a delta matrix.
  struct Recurrent {
    std::string name;  // "conv.0", "delta.0"
    Shape shape;
    int64_t entry_floats = 0;  // of what one token did to it, see RecurrentView
    size_t memory = 0;
  };
  std::vector<KvLayer> kv;
  std::vector<Recurrent> recurrent;

  int64_t kv_bytes_per_token() const;  // of both parts
  int64_t recurrent_bytes() const;     // per sequence
  int64_t entry_bytes() const;         // of one token in the rings of all layers
};

// Offsets into the three kinds of pieces a sequence has: pages (K and V), slots (one recurrent state of all
// layers), rings (`ring_entries` entries of every layer, layer by layer). A piece has a part in every memory
// that any of its layers lies in, each at a multiple of 64 bytes.
struct StatePlaces {
  struct Bytes {
    int64_t page = 0, slot = 0, ring = 0;
  };
  struct Kv {
    int64_t k = 0, v = 0;  // into the page of the layer's memory
  };
  struct Recurrent {
    int64_t base = 0;                   // into the slot
    int64_t ring = 0, entry_bytes = 0;  // into the ring
  };
  StatePlaces(const StateLayout& layout, int64_t ring_entries);

  int64_t ring_entries;
  std::vector<Kv> kv;                // as StateLayout::kv
  std::vector<Recurrent> recurrent;  // as StateLayout::recurrent
  PerMemory<Bytes> in;
  int64_t page_bytes = 0, slot_bytes = 0, ring_bytes = 0;  // in all memories together
};

}  // namespace gannet
