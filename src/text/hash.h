// Hashing of short byte strings and of id pairs for the tokenizer's tables. Seeded once per process from the
// system, so that a model file cannot be made to put all its tokens into one chain; results never depend on
// the seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace gannet {

// The same value for the life of the process.
uint64_t hash_seed();

inline uint64_t hash_mix(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t hash_pair(uint64_t key, uint64_t seed) {
  return hash_mix(key ^ seed, 0x9E3779B97F4A7C15u ^ (seed << 1));
}

// Reads whole 8-byte words; the last may overlap the one before it, which the length in the seed makes
// unambiguous.
inline uint64_t hash_bytes(std::string_view bytes, uint64_t seed) {
  const char* p = bytes.data();
  const size_t n = bytes.size();
  uint64_t h = seed ^ (n * 0xD6E8FEB86659FD93u);
  uint64_t word = 0;
  if (n >= 8) {
    for (size_t i = 0; i + 8 < n; i += 8) {
      std::memcpy(&word, p + i, 8);
      h = hash_mix(h ^ word, 0xA0761D6478BD642Fu);
    }
    std::memcpy(&word, p + n - 8, 8);
  } else if (n >= 4) {
    uint32_t first, last;
    std::memcpy(&first, p, 4);
    std::memcpy(&last, p + n - 4, 4);
    word = (uint64_t{first} << 32) | last;
  } else if (n > 0) {
    word = (uint64_t{static_cast<uint8_t>(p[0])} << 16) | (uint64_t{static_cast<uint8_t>(p[n / 2])} << 8) |
           static_cast<uint8_t>(p[n - 1]);
  }
  return hash_mix(h ^ word, 0xE7037ED1A0B428DBu ^ seed);
}

}  // namespace gannet
