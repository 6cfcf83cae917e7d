#include "chat/json_scanner.h"

#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/check.h"

namespace gannet {
namespace {

constexpr size_t kDeepest = 200;

// -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?
bool is_number(std::string_view text) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t from = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - from;
  };
  if (at < text.size() && text[at] == '-') ++at;
  const size_t from = at;
  const size_t whole = digits();
  if (whole == 0 || (whole > 1 && text[from] == '0')) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

bool fits_double(std::string_view text) {
  double value;
  return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc{};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void append_json_escaped(std::string_view text, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (const char c : text) {
    switch (c) {
      case '"':
        *out += "\\\"";
        break;
      case '\\':
        *out += "\\\\";
        break;
      case '\n':
        *out += "\\n";
        break;
      case '\r':
        *out += "\\r";
        break;
      case '\t':
        *out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          *out += "\\u00";
          *out += kHex[c >> 4];
          *out += kHex[c & 15];
        } else {
          *out += c;
        }
    }
  }
}

std::string json_string_value(std::string_view json) {
  return nlohmann::json::parse(json).get<std::string>();
}

void JsonScanner::flush(std::string* out) {
  *out += held_;
  held_.clear();
}

JsonScanner::Step JsonScanner::feed(char c, std::string* out) {
  if (state_ == State::kWord) {
    const bool part =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '+' || c == 'E';
    if (part) {
      word_ += c;
      return Step::kMore;
    }
    if (!word_ended(out)) return Step::kBad;
    if (state_ == State::kDone) return Step::kDoneBefore;
  }
  if (state_ == State::kString || state_ == State::kEscape || state_ == State::kUnicode)
    return string_char(c, out);
  if (is_json_space(c)) {
    if (first_) held_ += c;
    return Step::kMore;
  }
  switch (state_) {
    case State::kFirstItem:
      if (c == ']') break;
      [[fallthrough]];
    case State::kValue:
      return value_starts(c, out);
    case State::kFirstKey:
      if (c == '}') break;
      [[fallthrough]];
    case State::kKey:
      if (c != '"') return Step::kBad;
      held_ += c;
      key_ = true;
      state_ = State::kString;
      return Step::kMore;
    case State::kColon:
      if (c != ':') return Step::kBad;
      held_ += c;
      state_ = State::kValue;
      return Step::kMore;
    case State::kAfter:
      if (c == ',') {
        held_ += c;
        state_ = open_.back() == '}' ? State::kKey : State::kValue;
        return Step::kMore;
      }
      break;
    default:
      return Step::kBad;
  }
  if (c != open_.back()) return Step::kBad;
  open_.pop_back();
  held_ += c;
  return value_ended(out);
}

JsonScanner::Step JsonScanner::value_starts(char c, std::string* out) {
  if (!first_) first_ = c;
  if (c == '{' || c == '[') {
    if (open_.size() == kDeepest) return Step::kBad;
    open_ += c == '{' ? '}' : ']';
    held_ += c;
    flush(out);
    state_ = c == '{' ? State::kFirstKey : State::kFirstItem;
  } else if (c == '"') {
    held_ += c;
    key_ = false;
    state_ = State::kString;
  } else {
    word_ = c;
    state_ = State::kWord;
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-')) return Step::kBad;
  }
  return Step::kMore;
}

// A value is complete: all of it can be passed on.
JsonScanner::Step JsonScanner::value_ended(std::string* out) {
  flush(out);
  string_open_ = false;
  state_ = open_.empty() ? State::kDone : State::kAfter;
  return open_.empty() ? Step::kDone : Step::kMore;
}

bool JsonScanner::word_ended(std::string* out) {
  if (is_number(word_)) {
    if (fits_double(word_)) {
      held_ += word_;
    } else {  // JSON, but readers refuse it
      held_ += '"' + word_ + '"';
      repaired_ = true;
    }
  } else if (word_ == "true" || word_ == "false" || word_ == "null") {
    held_ += word_;
  } else {
    return false;
  }
  word_.clear();
  value_ended(out);
  return true;
}

// Keys wait for their value; an open string passes on what it holds.
void JsonScanner::put_in_string(std::string_view text, std::string* out) {
  held_ += text;
  if (key_ || !stream_strings_) return;
  flush(out);
  string_open_ = true;
}

void JsonScanner::drop_half_pair(std::string* out) {
  if (!high_) return;
  high_ = 0;
  repaired_ = true;
  put_in_string("\\ufffd", out);
}

JsonScanner::Step JsonScanner::string_char(char c, std::string* out) {
  if (state_ == State::kUnicode) return unicode_digit(c, out);
  if (state_ == State::kEscape) {
    state_ = State::kString;
    if (c == 'u') {
      digits_.clear();
      state_ = State::kUnicode;
      return Step::kMore;
    }
    drop_half_pair(out);
    if (std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos) {
      put_in_string(std::string{'\\', c}, out);
      return Step::kMore;
    }
    repaired_ = true;  // a backslash that escapes nothing stands for itself
    put_in_string("\\\\", out);
    return string_char(c, out);
  }
  if (c == '\\') {
    state_ = State::kEscape;
    return Step::kMore;
  }
  drop_half_pair(out);
  if (c == '"') {
    held_ += c;
    if (!key_) return value_ended(out);
    state_ = State::kColon;
    return Step::kMore;
  }
  std::string escaped;
  append_json_escaped(std::string_view(&c, 1), &escaped);
  repaired_ |= escaped.size() > 1;
  put_in_string(escaped, out);
  return Step::kMore;
}

JsonScanner::Step JsonScanner::unicode_digit(char c, std::string* out) {
  if (hex_digit(c) < 0) {  // \u that is no escape: text, with what came of its digits
    state_ = State::kString;
    drop_half_pair(out);
    repaired_ = true;
    put_in_string("\\\\u" + digits_, out);
    return string_char(c, out);
  }
  digits_ += c;
  if (digits_.size() < 4) return Step::kMore;
  state_ = State::kString;
  uint32_t code = 0;
  for (const char digit : digits_) code = code * 16 + static_cast<uint32_t>(hex_digit(digit));
  const bool low = code >= 0xDC00 && code < 0xE000;
  if (high_ && low) {
    char pair[16];
    std::snprintf(pair, sizeof pair, "\\u%04x", high_);
    high_ = 0;
    put_in_string(pair + ("\\u" + digits_), out);
    return Step::kMore;
  }
  drop_half_pair(out);
  if (code >= 0xD800 && code < 0xDC00) {
    high_ = code;
  } else if (low) {
    repaired_ = true;
    put_in_string("\\ufffd", out);
  } else {
    put_in_string("\\u" + digits_, out);
  }
  return Step::kMore;
}

bool JsonScanner::end(std::string* out) {
  if (state_ == State::kWord && !word_ended(out)) return false;
  return state_ == State::kDone;
}

void JsonScanner::close(std::string* out) {
  GANNET_CHECK(first_, "nothing was passed on");
  if (string_open_) *out += '"';
  out->append(open_.rbegin(), open_.rend());
  open_.clear();
}

ScannedJson scan_json(std::string_view text) {
  ScannedJson result;
  JsonScanner scanner;
  size_t at = 0;
  auto step = JsonScanner::Step::kMore;
  for (; at < text.size() && step == JsonScanner::Step::kMore; ++at)
    step = scanner.feed(text[at], &result.json);
  if (step == JsonScanner::Step::kDoneBefore) --at;
  while (at < text.size() && is_json_space(text[at])) ++at;
  if (at < text.size() || step == JsonScanner::Step::kBad || !scanner.end(&result.json)) return {};
  result.first = scanner.first();
  result.repaired = scanner.repaired();
  return result;
}

}  // namespace gannet
