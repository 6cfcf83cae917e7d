#include "text/nfc.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <vector>

#include "base/check.h"
#include "text/utf8.h"

namespace gannet {
namespace {

// Code points that form C does not change and that nothing before them composes with ("quick check: yes"),
// where most text lies. What is missing here costs time, not correctness, but for U+11A7: utf8proc 2.8
// takes it for a final consonant and loses it behind a Hangul syllable; being here, it is never shown one.
// nfc_test.cpp checks all of it against utf8proc.
struct Range {
  char32_t first, last;
};
constexpr Range kUnchanged[] = {
    {0x0, 0x2FF},     {0x346, 0x373},   {0x388, 0x652},   {0x656, 0x93B},     {0x93D, 0x957},
    {0x960, 0x9BD},   {0x9BF, 0x9D6},   {0x9E0, 0xA32},   {0xA37, 0xA58},     {0xA5F, 0xB3D},
    {0xB3F, 0xB55},   {0xB5F, 0xBBD},   {0xBBF, 0xBD6},   {0xBD8, 0xC55},     {0xC57, 0xCC1},
    {0xCC3, 0xCD4},   {0xCD7, 0xD3D},   {0xD3F, 0xD56},   {0xD58, 0xDC9},     {0xDD0, 0xDDE},
    {0xDE0, 0xF42},   {0xFBA, 0x102D},  {0x102F, 0x1160}, {0x1176, 0x11A7},   {0x11C3, 0x1B34},
    {0x1B36, 0x1F70}, {0x2002, 0x2125}, {0x212C, 0x2328}, {0x232B, 0x2ADB},   {0x2ADD, 0x3098},
    {0x309B, 0xD7FF}, {0xE000, 0xF8FF}, {0xFB4F, 0xFFFF}, {0x1F000, 0x2F7FF},
};

bool is_unchanged(char32_t c) {
  const auto* above = std::upper_bound(std::begin(kUnchanged), std::end(kUnchanged), c,
                                       [](char32_t code, const Range& range) { return code < range.first; });
  return c <= (above - 1)->last;  // the first range begins at 0
}

using Code = utf8proc_int32_t;

// Marks behind a letter are sorted by it; 0: no mark.
int combining_class(Code code) {
  return utf8proc_get_property(code)->combining_class;
}
bool is_mark(Code code) {
  return combining_class(code) != 0;
}

// One stretch of well-formed text whose surroundings do not matter, appended to *out. utf8proc_map() would do
// the same, but sorts marks by exchanging neighbours: a prompt made of marks would take days.
void append_normalised(std::string_view text, std::vector<Code>* codes, std::string* out) {
  codes->clear();
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    constexpr utf8proc_ssize_t kMost = 32;  // code points of one decomposition; Unicode's longest has 4
    Code parts[kMost];
    int boundary = 0;
    const auto n = utf8proc_decompose_char(static_cast<Code>(decode_utf8(text, step.length)), parts, kMost,
                                           UTF8PROC_DECOMPOSE, &boundary);
    GANNET_CHECK(n >= 0 && n <= kMost, "utf8proc cannot decompose a code point");
    codes->insert(codes->end(), parts, parts + n);
    text.remove_prefix(step.length);
  }
  for (auto at = codes->begin(); at != codes->end();) {
    at = std::find_if(at, codes->end(), is_mark);
    const auto end = std::find_if_not(at, codes->end(), is_mark);
    if (end - at > 1) {
      std::stable_sort(at, end, [](Code x, Code y) { return combining_class(x) < combining_class(y); });
    }
    at = end;
  }
  const auto n = utf8proc_normalize_utf32(codes->data(), static_cast<utf8proc_ssize_t>(codes->size()),
                                          static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  GANNET_CHECK(n >= 0, "utf8proc cannot compose");
  for (utf8proc_ssize_t i = 0; i < n; ++i)
    append_utf8(static_cast<char32_t>((*codes)[static_cast<size_t>(i)]), out);
}

size_t ascii_prefix(std::string_view text) {
  constexpr uint64_t kHighBits = 0x8080808080808080u;
  size_t i = 0;
  for (uint64_t word; i + sizeof word <= text.size(); i += sizeof word) {
    std::memcpy(&word, text.data() + i, sizeof word);
    if (word & kHighBits) break;
  }
  while (i < text.size() && static_cast<uint8_t>(text[i]) < 0x80) ++i;
  return i;
}

// is_settled() as a bit per code point of the basic plane, for this is asked of every character that is not
// ASCII. Made at the first use, in less than a millisecond.
using Bits = std::array<uint64_t, 0x10000 / 64>;
const Bits& settled_bits() {
  static const Bits made = [] {
    Bits bits{};
    for (const Range& range : kUnchanged)
      for (char32_t c = range.first; c <= range.last && c < 0x10000; ++c)
        if (!is_mark(static_cast<Code>(c))) bits[c / 64] |= uint64_t{1} << (c % 64);
    return bits;
  }();
  return made;
}

bool has(const Bits& bits, uint32_t c) {
  return (bits[c / 64] >> (c % 64) & 1) != 0;
}

// What stands at the beginning of a text.
struct Next {
  size_t length;
  bool valid;
  bool settled;   // true for ill-formed bytes
  char32_t code;  // of what is valid
};
Next next_of(const Bits& bits, std::string_view text) {
  const Utf8Step step = utf8_step(text);
  if (step.kind != Utf8Kind::kValid) return {step.length, false, true, 0};
  const char32_t c = decode_utf8(text, step.length);
  return {step.length, true, c < 0x10000 ? has(bits, c) : is_settled(c), c};
}

// The first place from `at` on where no settled code point is. *base becomes the begin of the last one before
// it, which a mark there would join, or that place itself behind ill-formed bytes.
size_t skip_settled(const Bits& bits, std::string_view text, size_t at, size_t* base) {
  const auto* b = reinterpret_cast<const uint8_t*>(text.data());
  const size_t size = text.size();
  while (at < size) {
    const uint8_t lead = b[at];
    if (lead < 0x80) {
      at += ascii_prefix(text.substr(at));
      *base = at - 1;
      continue;
    }
    // U+0080 to U+07FF and U+0800 to U+CFFF, where little can be wrong: most text that is not in ASCII.
    size_t length = 0;
    uint32_t c = 0;
    if (lead >= 0xC2 && lead <= 0xDF && size - at >= 2 && (b[at + 1] & 0xC0) == 0x80) {
      length = 2;
      c = (lead & 0x1Fu) << 6 | (b[at + 1] & 0x3Fu);
    } else if (lead >= 0xE0 && lead <= 0xEC && size - at >= 3 && (b[at + 1] & 0xC0) == 0x80 &&
               (b[at + 2] & 0xC0) == 0x80 && (lead != 0xE0 || b[at + 1] >= 0xA0)) {
      length = 3;
      c = (lead & 0x0Fu) << 12 | (b[at + 1] & 0x3Fu) << 6 | (b[at + 2] & 0x3Fu);
    }
    if (length > 0) {
      if (!has(bits, c)) return at;
      *base = at;
      at += length;
      continue;
    }
    const Next next = next_of(bits, text.substr(at));
    if (!next.settled) return at;
    *base = next.valid ? at : at + next.length;
    at += next.length;
  }
  return at;
}

}  // namespace

bool is_settled(char32_t c) {
  return is_unchanged(c) && !is_mark(static_cast<Code>(c));
}

std::string_view to_nfc(std::string_view text, std::string* storage) {
  storage->clear();
  if (ascii_prefix(text) == text.size()) return text;
  const Bits& bits = settled_bits();
  std::vector<Code> codes;
  std::string run;
  size_t copied = 0;   // bytes of `text` that *storage stands for
  size_t base = 0;     // begin of what a mark at `at` would join; behind ill-formed bytes nothing
  int last_class = 0;  // of the code point before `at`
  for (size_t at = 0; at < text.size();) {
    const size_t before = at;
    at = skip_settled(bits, text, at, &base);
    if (at != before) last_class = 0;
    if (at == text.size()) break;
    const Next next = next_of(bits, text.substr(at));
    const int its_class = combining_class(static_cast<Code>(next.code));
    if (is_unchanged(next.code) && its_class >= last_class) {  // a mark in its place
      at += next.length;
      last_class = its_class;
      continue;
    }
    size_t end = at + next.length;
    while (end < text.size()) {
      const Next more = next_of(bits, text.substr(end));
      if (more.settled) break;
      end += more.length;
    }
    run.clear();
    append_normalised(text.substr(base, end - base), &codes, &run);
    if (run != text.substr(base, end - base)) {
      storage->append(text.substr(copied, base - copied)).append(run);
      copied = end;
    }
    at = end;
  }
  if (copied == 0) return text;
  storage->append(text.substr(copied));
  return *storage;
}

}  // namespace gannet
