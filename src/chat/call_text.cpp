#include "chat/call_text.h"

#include <algorithm>

#include "chat/json_scanner.h"

namespace gannet {
namespace {

constexpr size_t kMostSpaces = 64, kLongestName = 256;

#define GANNET_LOOK(...)                                                     \
  do {                                                                       \
    if (const Look look_ = (__VA_ARGS__); look_ != Look::kYes) return look_; \
  } while (false)

// `</tool_call>`, and behind it the end of the text or another call.
Look last_close(Ahead* ahead) {
  GANNET_LOOK(ahead->tag(kCallClose));
  const size_t end = ahead->at;
  if (ahead->spaces() == Look::kMore && !ahead->last()) return Look::kMore;
  if (!ahead->at_end()) {
    const size_t call = ahead->at;
    GANNET_LOOK(ahead->tag(kCallOpen));
    ahead->at = call;
  }
  ahead->at = end;
  return Look::kYes;
}

}  // namespace

Look Ahead::tag(std::string_view tag) {
  const std::string_view here = text_.substr(at, tag.size());
  if (!tag.starts_with(here)) return Look::kNo;
  if (here.size() < tag.size()) return Look::kMore;
  at += tag.size();
  return Look::kYes;
}

Look Ahead::spaces() {
  saw_newline = false;
  for (size_t n = 0; at < text_.size() && is_json_space(text_[at]); ++n, ++at) {
    if (n == kMostSpaces) return Look::kNo;
    saw_newline |= text_[at] == '\n';
  }
  return at_end() ? Look::kMore : Look::kYes;
}

Look Ahead::named(std::string_view open, std::string_view* name) {
  GANNET_LOOK(tag(open));
  const size_t from = at;
  for (; at < text_.size() && text_[at] != '>'; ++at) {
    const char c = text_[at];
    if (at - from == kLongestName || c == '<' || c == '"' || static_cast<unsigned char>(c) < 0x20)
      return Look::kNo;
  }
  if (at_end()) return Look::kMore;
  *name = text_.substr(from, at - from);
  ++at;
  return name->empty() || is_json_space(name->front()) || is_json_space(name->back()) ? Look::kNo
                                                                                      : Look::kYes;
}

Look Ahead::parameter_or_end() {
  const size_t from = at;
  std::string_view key;
  Look look = named(kParameterOpen, &key);
  if (look == Look::kNo) {
    at = from;
    look = tag(kFunctionClose);
  }
  at = from;
  return look;
}

Look Ahead::function_head(std::string_view* name) {
  GANNET_LOOK(named(kFunctionOpen, name));
  GANNET_LOOK(spaces());
  return parameter_or_end();
}

ValueEnd look_for_value_end(std::string_view text, bool last, bool newline_before, bool on_one_line) {
  const auto result = [](Look look, const Ahead& ahead, bool ends_call) {
    return ValueEnd{look, ahead.at, ends_call, false};
  };
  Ahead ahead(text, last);
  if (const Look look = ahead.tag(kParameterClose); look == Look::kMore) {
    return result(look, ahead, false);
  } else if (look == Look::kYes) {
    const size_t behind = ahead.at;
    const Look spaces = ahead.spaces();
    if (spaces == Look::kMore && last) return {Look::kYes, ahead.at, true, true};
    if (spaces != Look::kYes) return result(spaces, ahead, false);
    const bool broken = newline_before || ahead.saw_newline || on_one_line;
    if (!broken) return {};
    const size_t at = ahead.at;
    if (const Look next = ahead.parameter_or_end(); next != Look::kNo) return result(next, ahead, false);
    // `</function>` is missing.
    ahead.at = at;
    const Look close = last_close(&ahead);
    ahead.at = behind;
    return result(close, ahead, true);
  }
  // `</parameter>` is missing.
  if (!newline_before && !on_one_line) return {};
  ahead.at = 0;
  Look look = ahead.tag(kFunctionClose);
  const size_t behind = ahead.at;
  if (look == Look::kYes) look = ahead.spaces();
  if (look == Look::kYes) look = last_close(&ahead);
  ahead.at = behind;
  return result(look, ahead, true);
}

}  // namespace gannet
