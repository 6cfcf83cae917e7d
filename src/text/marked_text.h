// Text that knows who wrote it: what a template says, and what users, tools and files say. Only the former
// may hold control tokens.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gannet {

struct TextRange {
  size_t begin, end;  // bytes
  friend bool operator==(const TextRange&, const TextRange&) = default;
};

struct MarkedText {
  std::string text;
  // The bytes that somebody else wrote: ascending, not empty, with bytes between them.
  std::vector<TextRange> foreign;

  void append(std::string_view more, bool is_foreign) {
    if (is_foreign && !more.empty()) {
      if (!foreign.empty() && foreign.back().end == text.size())
        foreign.back().end += more.size();
      else
        foreign.push_back({text.size(), text.size() + more.size()});
    }
    text += more;
  }
  void append(const MarkedText& more) {
    size_t at = 0;
    for (const TextRange& range : more.foreign) {
      append(std::string_view(more.text).substr(at, range.begin - at), false);
      append(std::string_view(more.text).substr(range.begin, range.end - range.begin), true);
      at = range.end;
    }
    append(std::string_view(more.text).substr(at), false);
  }

  // Bytes from `begin` up to `end`.
  MarkedText part(size_t begin, size_t end) const {
    MarkedText out{text.substr(begin, end - begin), {}};
    for (const TextRange& range : foreign)
      if (const TextRange cut{std::max(range.begin, begin), std::min(range.end, end)}; cut.begin < cut.end)
        out.foreign.push_back({cut.begin - begin, cut.end - begin});
    return out;
  }

  friend bool operator==(const MarkedText&, const MarkedText&) = default;
};

}  // namespace gannet
