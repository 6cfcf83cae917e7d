// Sets of Unicode code points, as classes like [^a-z] and \d mean them, and the byte sequences of their
// UTF-8.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace gannet {

struct CodePointRange {
  char32_t first, last;  // both included
  friend bool operator==(const CodePointRange&, const CodePointRange&) = default;
};

inline constexpr char32_t kLastCodePoint = 0x10FFFF;

// Surrogates (U+D800 to U+DFFF) have no UTF-8 and are members of no set, whatever is added.
class CodePointSet {
 public:
  CodePointSet() = default;
  CodePointSet(std::initializer_list<CodePointRange> ranges) {
    for (const CodePointRange& r : ranges) add(r.first, r.last);
  }
  static CodePointSet all() { return {{0, kLastCodePoint}}; }

  void add(char32_t c) { add(c, c); }
  void add(char32_t first, char32_t last);
  void add(const CodePointSet& other);
  CodePointSet complement() const;
  CodePointSet minus(const CodePointSet& other) const;
  bool contains(char32_t c) const;
  bool empty() const { return ranges_.empty(); }
  // Ascending, with gaps between them.
  std::span<const CodePointRange> ranges() const { return ranges_; }
  friend bool operator==(const CodePointSet&, const CodePointSet&) = default;

 private:
  std::vector<CodePointRange> ranges_;
};

// `length` bytes, byte i from low[i] to high[i].
struct Utf8Range {
  int length;
  std::array<uint8_t, 4> low, high;
};

// The encodings of exactly the code points of the set; no text matches two of them.
std::vector<Utf8Range> utf8_ranges(const CodePointSet& set);

}  // namespace gannet
