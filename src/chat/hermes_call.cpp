#include "chat/hermes_call.h"

#include <utility>

namespace gannet {
namespace {

bool is_function_name(const std::string& name) {
  if (name.empty() || name.size() > 256) return false;
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20) return false;
  }
  return true;
}

}  // namespace

HermesCall::Step HermesCall::feed(char c) {
  if (state_ == State::kInKey) {
    const auto step = value_.feed(c, &text_);
    if (step == JsonScanner::Step::kBad) return Step::kBad;
    if (step == JsonScanner::Step::kDone) {
      key_ = json_string_value(text_);
      state_ = State::kColon;
    }
    return Step::kMore;
  }
  if (state_ == State::kInValue) {
    const auto step = value_.feed(c, value_streams() ? &arguments_ : &text_);
    if (step == JsonScanner::Step::kBad) return Step::kBad;
    if (step == JsonScanner::Step::kMore) return Step::kMore;
    if (!value_done()) return Step::kBad;
    state_ = State::kAfter;
    if (step == JsonScanner::Step::kDone) return Step::kMore;
  }
  if (is_json_space(c)) return Step::kMore;
  switch (state_) {
    case State::kOpen:
      if (c != '{') return Step::kBad;
      state_ = State::kFirstKey;
      return Step::kMore;
    case State::kFirstKey:
    case State::kKey:
      if (c != '"') return Step::kBad;
      value_ = JsonScanner(true);
      text_.clear();
      state_ = State::kInKey;
      value_.feed(c, &text_);
      return Step::kMore;
    case State::kColon:
      if (c != ':') return Step::kBad;
      state_ = State::kValueStart;
      return Step::kMore;
    case State::kValueStart:
      return start_value(c);
    default:  // kAfter
      if (c == ',') {
        state_ = State::kKey;
        return Step::kMore;
      }
      if (c != '}' || !named_) return Step::kBad;
      if (!have_arguments_) arguments_ = "{}";
      have_arguments_ = whole_arguments_ = called_ = true;
      state_ = State::kDone;
      return Step::kDone;
  }
}

HermesCall::Step HermesCall::start_value(char c) {
  if (key_ == "name" && (c != '"' || named_)) return Step::kBad;
  if (is_arguments() && ((c != '{' && c != '"') || have_arguments_)) return Step::kBad;
  value_ = JsonScanner(stream_strings_);
  value_first_ = c;
  text_.clear();
  state_ = State::kInValue;
  if (value_streams()) {
    have_arguments_ = true;
    called_ = named_;
  }
  return value_.feed(c, value_streams() ? &arguments_ : &text_) == JsonScanner::Step::kBad ? Step::kBad
                                                                                           : Step::kMore;
}

// A value is complete. Whether it is what its key asks for.
bool HermesCall::value_done() {
  if (key_ == "name") {
    name_ = json_string_value(text_);
    if (!is_function_name(name_)) return false;
    named_ = true;
  } else if (is_arguments()) {
    if (value_first_ == '"') {  // JSON in a string
      const ScannedJson inner = scan_json(json_string_value(text_));
      if (inner.first != '{') return false;
      arguments_ = inner.json;
      have_arguments_ = true;
    }
    whole_arguments_ = true;
  }
  called_ |= named_ && have_arguments_;
  return true;
}

std::string HermesCall::take_arguments() {
  return std::exchange(arguments_, {});
}

bool HermesCall::close() {
  if (!whole_arguments_ && value_streams()) value_.close(&arguments_);
  return whole_arguments_;
}

}  // namespace gannet
