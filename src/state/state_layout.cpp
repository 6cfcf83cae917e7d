#include "state/state_layout.h"

namespace gannet {
namespace {

int64_t to_lines(int64_t bytes) {
  return (bytes + 63) / 64 * 64;
}

int64_t float_bytes(int64_t n) {
  return n * static_cast<int64_t>(sizeof(float));
}

int64_t k_bytes(const StateLayout::KvLayer& layer) {
  return layer.n_kv_heads * row_bytes(layer.k_type, layer.head_dim);
}
int64_t v_bytes(const StateLayout::KvLayer& layer) {
  return layer.n_kv_heads * row_bytes(layer.v_type, layer.head_dim);
}

}  // namespace

int64_t StateLayout::kv_bytes_per_token() const {
  int64_t bytes = 0;
  for (const KvLayer& layer : kv) bytes += k_bytes(layer) + v_bytes(layer);
  return bytes;
}

int64_t StateLayout::recurrent_bytes() const {
  int64_t bytes = 0;
  for (const Recurrent& r : recurrent) bytes += float_bytes(r.shape.elements());
  return bytes;
}

int64_t StateLayout::entry_bytes() const {
  int64_t bytes = 0;
  for (const Recurrent& r : recurrent) bytes += to_lines(float_bytes(r.entry_floats));
  return bytes;
}

StatePlaces::StatePlaces(const StateLayout& layout, int64_t entries) : ring_entries(entries) {
  for (const StateLayout::KvLayer& layer : layout.kv) {
    Kv& at = kv.emplace_back();
    int64_t& bytes = in[layer.memory].page;
    at.k = bytes;
    bytes += to_lines(kPageTokens * k_bytes(layer));
    at.v = bytes;
    bytes += to_lines(kPageTokens * v_bytes(layer));
  }
  for (const StateLayout::Recurrent& r : layout.recurrent) {
    Recurrent& at = recurrent.emplace_back();
    Bytes& bytes = in[r.memory];
    at.base = bytes.slot;
    bytes.slot += to_lines(float_bytes(r.shape.elements()));
    at.ring = bytes.ring;
    at.entry_bytes = to_lines(float_bytes(r.entry_floats));
    bytes.ring += entries * at.entry_bytes;
  }
  for (const Bytes& bytes : in) {
    page_bytes += bytes.page;
    slot_bytes += bytes.slot;
    ring_bytes += bytes.ring;
  }
}

}  // namespace gannet
