#include "jinja/text_ops.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "jinja/unicode.h"

namespace gannet::jinja {
namespace {

bool in_set(std::string_view set, std::string_view character) {
  for (size_t at = 0; at < set.size();) {
    const size_t length = first_character(set.substr(at)).length;
    if (set.substr(at, length) == character) return true;
    at += length;
  }
  return false;
}

Result<Value> list_of(Runtime* runtime, const MarkedText& text, const std::vector<TextRange>& parts) {
  std::vector<Value> items;
  items.reserve(parts.size());
  for (const TextRange& part : parts)
    items.push_back(GANNET_TRY(make_slice(runtime->memory(), text, part.begin, part.end)));
  return make_list(runtime->memory(), std::move(items));
}

Result<void> check_separator(const MarkedText* separator) {
  if (separator != nullptr && separator->text.empty()) return fault("the separator is empty");
  return {};
}

// Where a list of `count` parts would need more memory than there is.
Result<void> room_for_parts(Runtime* runtime, size_t count) {
  if (count > runtime->memory()->left() / sizeof(StringData)) return runtime->memory()->refusal();
  return {};
}

}  // namespace

size_t find_text(std::string_view text, std::string_view what, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  const void* found = memmem(text.data() + from, text.size() - from, what.data(), what.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

size_t find_last_text(std::string_view text, std::string_view what) {
  const std::string backwards(text.rbegin(), text.rend()), wanted(what.rbegin(), what.rend());
  const size_t at = find_text(backwards, wanted);
  return at == std::string_view::npos ? at : text.size() - at - what.size();
}

Result<Value> strip(Runtime* runtime, const MarkedText& text, const MarkedText* set, bool left, bool right) {
  const std::string_view all = text.text;
  const size_t set_size = set == nullptr ? 1 : set->text.size();
  size_t begin = 0, end = all.size();
  const auto taken = [&](std::string_view character, char32_t code) {
    return set == nullptr ? is_space(code) : in_set(set->text, character);
  };
  while (left && begin < end) {
    const Character c = first_character(all.substr(begin, end - begin));
    if (!taken(all.substr(begin, c.length), c.code)) break;
    begin += c.length;
  }
  while (right && begin < end) {
    const Character c = last_character(all.substr(begin, end - begin));
    if (!taken(all.substr(end - c.length, c.length), c.code)) break;
    end -= c.length;
  }
  GANNET_TRY(runtime->budget().step(1 + (all.size() - (end - begin)) * set_size / 16 + (end - begin) / 32));
  return make_slice(runtime->memory(), text, begin, end);
}

Result<Value> split(Runtime* runtime, const MarkedText& text, const MarkedText* separator, int64_t most) {
  GANNET_TRY(check_separator(separator));
  GANNET_TRY(runtime->budget().touch(4 * text.text.size()));
  const std::string_view all = text.text;
  const uint64_t limit = most < 0 ? UINT64_MAX : static_cast<uint64_t>(most);
  std::vector<TextRange> parts;
  size_t at = 0;
  if (separator != nullptr) {
    for (size_t found;
         parts.size() < limit && (found = find_text(all, separator->text, at)) != std::string_view::npos;) {
      parts.push_back({at, found});
      at = found + separator->text.size();
      GANNET_TRY(room_for_parts(runtime, parts.size()));
    }
    parts.push_back({at, all.size()});
    return list_of(runtime, text, parts);
  }
  for (;;) {
    at += leading_space(all.substr(at));
    if (at >= all.size()) break;
    if (parts.size() >= limit) {  // the rest in one piece, without the white space at its end
      parts.push_back({at, all.size() - trailing_space(all.substr(at))});
      break;
    }
    const size_t begin = at;
    while (at < all.size()) {
      const Character c = first_character(all.substr(at));
      if (is_space(c.code)) break;
      at += c.length;
    }
    parts.push_back({begin, at});
    GANNET_TRY(room_for_parts(runtime, parts.size()));
  }
  return list_of(runtime, text, parts);
}

Result<Value> split_right(Runtime* runtime, const MarkedText& text, const MarkedText* separator,
                          int64_t most) {
  if (most < 0) return split(runtime, text, separator, most);
  GANNET_TRY(check_separator(separator));
  GANNET_TRY(runtime->budget().touch(4 * text.text.size()));
  const std::string_view all = text.text;
  const auto limit = static_cast<uint64_t>(most);
  // Backwards, so that the search is one that takes linear time.
  const std::string backwards = separator == nullptr ? std::string() : std::string(all.rbegin(), all.rend());
  const std::string wanted =
      separator == nullptr ? std::string() : std::string(separator->text.rbegin(), separator->text.rend());
  std::vector<TextRange> parts;
  size_t end = all.size();
  for (;;) {
    if (separator == nullptr) end -= trailing_space(all.substr(0, end));
    if (separator == nullptr && end == 0) break;
    size_t begin = 0, next = 0;
    bool last = parts.size() >= limit;
    if (!last && separator != nullptr) {
      const size_t found = find_text(backwards, wanted, all.size() - end);
      last = found == std::string_view::npos;
      if (!last) begin = all.size() - found, next = begin - wanted.size();
    } else if (!last) {
      begin = end;
      while (begin > 0) {
        const Character c = last_character(all.substr(0, begin));
        if (is_space(c.code)) break;
        begin -= c.length;
      }
      next = begin;
    }
    parts.push_back({begin, end});
    GANNET_TRY(room_for_parts(runtime, parts.size()));
    if (last) break;
    end = next;
  }
  std::reverse(parts.begin(), parts.end());
  return list_of(runtime, text, parts);
}

Result<Value> replace(Runtime* runtime, const MarkedText& text, const MarkedText& old, const MarkedText& with,
                      int64_t most) {
  GANNET_TRY(runtime->budget().touch(4 * text.text.size()));
  const std::string_view all = text.text;
  TextBuilder made(runtime->memory());
  size_t done = 0;
  uint64_t left = most < 0 ? UINT64_MAX : static_cast<uint64_t>(most);
  if (old.text.empty()) {  // in front of every character, and at the end
    for (; left > 0 && !made.full(); --left) {
      made.append(with);
      if (done >= all.size()) break;
      const size_t length = first_character(all.substr(done)).length;
      made.append(text, done, done + length);
      done += length;
    }
  } else {
    for (size_t found;
         left > 0 && !made.full() && (found = find_text(all, old.text, done)) != std::string_view::npos;
         --left) {
      made.append(text, done, found);
      made.append(with);
      done = found + old.text.size();
    }
  }
  made.append(text, done, all.size());
  GANNET_TRY(runtime->budget().touch(made.size()));
  return made.finish();
}

Result<Value> change_case(Runtime* runtime, const MarkedText& text, Case to) {
  GANNET_TRY(runtime->budget().touch(8 * text.text.size()));
  const std::string_view all = text.text;
  TextBuilder made(runtime->memory());
  bool inside = false;  // a word, for kTitle; the text, for kCapitalize
  std::string changed;
  // Characters that share a mark are changed together.
  for (size_t at = 0; at < all.size();) {
    const size_t begin = at;
    const bool foreign = is_foreign(text, begin);
    changed.clear();
    const auto range = std::upper_bound(text.foreign.begin(), text.foreign.end(), begin,
                                        [](size_t byte, const TextRange& r) { return byte < r.end; });
    const size_t end = range == text.foreign.end() ? all.size() : foreign ? range->end : range->begin;
    while (at < end) {
      const Character c = first_character(all.substr(at));
      if (c.code == kNoCharacter)
        changed.append(all.substr(at, c.length));
      else if (to == Case::kUpper || (to == Case::kSwap && is_lower(c.code)))
        append_upper(c.code, &changed);
      else if (to == Case::kLower || to == Case::kSwap || inside)
        append_lower(c.code, &changed);
      else
        append_title(c.code, &changed);
      inside = to == Case::kCapitalize || (to == Case::kTitle && is_cased(c.code));
      at += c.length;
    }
    made.like(changed, text, begin);
  }
  return made.finish();
}

Result<Value> title_words(Runtime* runtime, const MarkedText& text) {
  GANNET_TRY(runtime->budget().touch(8 * text.text.size()));
  const std::string_view all = text.text;
  TextBuilder made(runtime->memory());
  bool inside = false;
  for (size_t at = 0; at < all.size();) {
    const Character c = first_character(all.substr(at));
    std::string changed;
    if (c.code == kNoCharacter)
      changed = all.substr(at, c.length);
    else if (inside)
      append_lower(c.code, &changed);
    else
      append_upper(c.code, &changed);
    made.like(changed, text, at);
    inside = !is_space(c.code) &&
             (c.code >= 0x80 ||
              std::string_view("([{<-").find(static_cast<char>(c.code)) == std::string_view::npos);
    at += c.length;
  }
  return made.finish();
}

std::vector<TextRange> lines_of(std::string_view text, bool keep_ends) {
  std::vector<TextRange> lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const Character c = first_character(text.substr(at));
    size_t next = at + c.length;
    if (is_line_end(c.code)) {
      if (c.code == '\r' && text.substr(next, 1) == "\n") ++next;
      lines.push_back({begin, keep_ends ? next : at});
      begin = next;
    }
    at = next;
  }
  if (begin < text.size()) lines.push_back({begin, text.size()});
  return lines;
}

Result<Value> join(Runtime* runtime, const MarkedText& separator, const std::vector<Value>& parts,
                   bool only_strings) {
  TextBuilder made(runtime->memory());
  bool first = true;
  for (const Value& part : parts) {
    if (only_strings && !part.is_string())
      return fault(fmt::format("join needs strings, one of these is {}", part.type_name()));
    GANNET_TRY(runtime->budget().touch(separator.text.size()));
    if (!first) made.append(separator);
    first = false;
    GANNET_TRY(runtime->write(&made, part));
  }
  return made.finish();
}

Result<Value> indent(Runtime* runtime, const MarkedText& text, const MarkedText& by, bool first, bool blank) {
  GANNET_TRY(runtime->budget().touch(8 * text.text.size()));
  if (text.text.size() > runtime->memory()->left() / sizeof(TextRange)) return runtime->memory()->refusal();
  std::vector<TextRange> lines = lines_of(text.text, false);
  // One more line begins behind a line end, though there is nothing in it.
  if (lines.empty() || lines.back().end < text.text.size())
    lines.push_back({text.text.size(), text.text.size()});
  TextBuilder made(runtime->memory());
  for (size_t i = 0; i < lines.size() && !made.full(); ++i) {
    if (i > 0) made.own("\n");
    if (i == 0 ? first : blank || lines[i].begin < lines[i].end) made.append(by);
    made.append(text, lines[i].begin, lines[i].end);
  }
  GANNET_TRY(runtime->budget().touch(made.size()));
  return made.finish();
}

Result<Value> pad(Runtime* runtime, const MarkedText& text, int64_t width, std::string_view fill,
                  Align align) {
  GANNET_TRY(runtime->budget().touch(text.text.size()));
  const auto length = static_cast<int64_t>(count_characters(text.text));
  const auto missing = static_cast<uint64_t>(std::max<int64_t>(width - length, 0));
  if (missing > runtime->memory()->left() / fill.size()) return runtime->memory()->refusal();
  GANNET_TRY(runtime->budget().step(1 + missing));
  uint64_t left = align == Align::kLeft ? 0 : align == Align::kRight ? missing : missing / 2;
  if (align == Align::kCenter) left += missing & static_cast<uint64_t>(width) & 1;
  TextBuilder made(runtime->memory());
  for (uint64_t i = 0; i < left; ++i) made.own(fill);
  made.append(text);
  for (uint64_t i = left; i < missing; ++i) made.own(fill);
  return made.finish();
}

}  // namespace gannet::jinja
