#include "chat/tagged_call.h"

#include <algorithm>

#include "chat/call_text.h"
#include "chat/json_scanner.h"

namespace gannet {

void TaggedCall::put_key(std::string* arguments) {
  *arguments += any_ ? ",\"" : "{\"";
  any_ = true;
  append_json_escaped(key_, arguments);
  *arguments += "\":";
}

void TaggedCall::put(std::string_view text, std::string* arguments) {
  fresh_ = false;
  const auto more = [&](std::string_view part) {
    if (part.empty()) return;
    if (!stream_strings_ || value_types_ != kJsonString) {
      raw_ += part;
      return;
    }
    if (!open_) {
      put_key(arguments);
      *arguments += '"';
      open_ = true;
    }
    append_json_escaped(part, arguments);
  };
  if (newline_) more("\n");
  newline_ = text.ends_with('\n');
  more(text.substr(0, text.size() - newline_));
}

void TaggedCall::end_value(std::string* arguments) {
  if (open_) {
    *arguments += '"';
  } else {
    put_key(arguments);
    *arguments += raw_value_to_json(raw_, value_types_);
  }
  raw_.clear();
  open_ = false;
  state_ = State::kBetween;
}

void TaggedCall::end_call(std::string* arguments) {
  if (open_) *arguments += '"';
  *arguments += any_ ? "}" : "{}";
}

TaggedCall::Read TaggedCall::read(std::string_view text, bool last, std::string* arguments) {
  if (state_ == State::kBetween) {
    Ahead ahead(text, last);
    if (ahead.spaces() == Look::kMore && !last) return {Step::kMore};
    const size_t from = ahead.at;
    std::string_view key;
    Look look = ahead.named(kParameterOpen, &key);
    if (look == Look::kYes) {
      key_ = key;
      value_types_ = types_->types(function_, key);
      state_ = State::kValueStart;
      return {Step::kGoOn, ahead.at};
    }
    if (look == Look::kNo) {
      ahead.at = from;
      look = ahead.tag(kFunctionClose);
    }
    if (look == Look::kMore && !last) return {Step::kMore};
    end_call(arguments);
    return {Step::kEnded, look == Look::kYes ? ahead.at : 0, look == Look::kYes};
  }
  if (text.empty() && !last) return {Step::kMore};
  if (state_ == State::kValueStart) {
    on_one_line_ = !text.starts_with('\n');
    fresh_ = true;
    newline_ = false;
    state_ = State::kValue;
    return {Step::kGoOn, on_one_line_ ? size_t{0} : size_t{1}};
  }
  return read_value(text, last, arguments);
}

TaggedCall::Read TaggedCall::read_value(std::string_view text, bool last, std::string* arguments) {
  if (text.empty()) {  // and nothing follows
    end_call(arguments);
    return {Step::kEnded, 0, false};
  }
  if (text[0] != '<') {
    const size_t run = std::min(text.find('<'), text.size());
    put(text.substr(0, run), arguments);
    return {Step::kGoOn, run};
  }
  const ValueEnd end = look_for_value_end(text, last, newline_ || (fresh_ && !on_one_line_), on_one_line_);
  if (end.look == Look::kNo) {
    put(text.substr(0, 1), arguments);
    return {Step::kGoOn, 1};
  }
  if (end.look == Look::kMore) {
    if (!last) return {Step::kMore};
    end_call(arguments);  // in the middle of a closing tag, which is no part of the value
    return {Step::kEnded, text.size(), false};
  }
  end_value(arguments);
  if (!end.ends_call) return {Step::kGoOn, end.length};
  end_call(arguments);
  return {Step::kEnded, end.length, true, end.end_of_text};
}

}  // namespace gannet
