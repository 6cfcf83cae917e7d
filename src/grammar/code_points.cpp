#include "grammar/code_points.h"

#include <algorithm>

#include "base/check.h"

namespace gannet {
namespace {

constexpr char32_t kFirstSurrogate = 0xD800, kLastSurrogate = 0xDFFF;

int encode(char32_t c, std::array<uint8_t, 4>* out) {
  const auto tail = [&](int shift) { return static_cast<uint8_t>(0x80 | ((c >> shift) & 0x3F)); };
  if (c < 0x80) {
    (*out) = {static_cast<uint8_t>(c)};
    return 1;
  }
  if (c < 0x800) {
    (*out) = {static_cast<uint8_t>(0xC0 | (c >> 6)), tail(0)};
    return 2;
  }
  if (c < 0x10000) {
    (*out) = {static_cast<uint8_t>(0xE0 | (c >> 12)), tail(6), tail(0)};
    return 3;
  }
  (*out) = {static_cast<uint8_t>(0xF0 | (c >> 18)), tail(12), tail(6), tail(0)};
  return 4;
}

// Splits until all code points of a piece have the same length and, from the first byte that differs on, all
// values of the bytes behind it.
void split(char32_t first, char32_t last, std::vector<Utf8Range>* out) {
  for (const char32_t limit : {0x7F, 0x7FF, 0xFFFF})
    if (first <= limit && last > limit) {
      split(first, limit, out);
      split(limit + 1, last, out);
      return;
    }
  if (first >= 0x80)
    for (int bits = 6; bits <= 18; bits += 6) {
      const char32_t mask = (char32_t{1} << bits) - 1;
      if ((first & ~mask) == (last & ~mask)) break;  // they differ in the bytes behind this one only
      if ((first & mask) != 0) {
        split(first, first | mask, out);
        split((first | mask) + 1, last, out);
        return;
      }
      if ((last & mask) != mask) {
        split(first, (last & ~mask) - 1, out);
        split(last & ~mask, last, out);
        return;
      }
    }
  Utf8Range range{};
  range.length = encode(first, &range.low);
  encode(last, &range.high);
  out->push_back(range);
}

}  // namespace

void CodePointSet::add(char32_t first, char32_t last) {
  GANNET_CHECK(last <= kLastCodePoint);
  if (first > last) return;
  if (first <= kLastSurrogate && last >= kFirstSurrogate) {
    if (first < kFirstSurrogate) add(first, kFirstSurrogate - 1);
    if (last > kLastSurrogate) add(kLastSurrogate + 1, last);
    return;
  }
  // Those that overlap or touch become one.
  auto begin = std::find_if(ranges_.begin(), ranges_.end(), [&](auto& r) { return r.last + 1 >= first; });
  auto end = std::find_if(begin, ranges_.end(), [&](auto& r) { return r.first > last + 1; });
  if (begin != end) {
    first = std::min(first, begin->first);
    last = std::max(last, (end - 1)->last);
  }
  begin = ranges_.erase(begin, end);
  ranges_.insert(begin, {first, last});
}

void CodePointSet::add(const CodePointSet& other) {
  for (const CodePointRange& r : other.ranges_) add(r.first, r.last);
}

CodePointSet CodePointSet::complement() const {
  CodePointSet result;
  char32_t next = 0;
  for (const CodePointRange& r : ranges_) {
    if (r.first > next) result.add(next, r.first - 1);
    next = r.last + 1;
  }
  if (next <= kLastCodePoint) result.add(next, kLastCodePoint);
  return result;
}

CodePointSet CodePointSet::minus(const CodePointSet& other) const {
  CodePointSet rest = complement();
  rest.add(other);
  return rest.complement();
}

bool CodePointSet::contains(char32_t c) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [&](auto& r) { return r.first <= c && c <= r.last; });
}

std::vector<Utf8Range> utf8_ranges(const CodePointSet& set) {
  std::vector<Utf8Range> out;
  for (const CodePointRange& r : set.ranges()) split(r.first, r.last, &out);
  return out;
}

}  // namespace gannet
