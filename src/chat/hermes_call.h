// A call written as JSON: {"name": NAME, "arguments": {...}}, character by character. Must not know: what
// stands around it.
#pragma once

#include <string>

#include "chat/json_scanner.h"

namespace gannet {

class HermesCall {
 public:
  explicit HermesCall(bool stream_strings) : stream_strings_(stream_strings), value_(stream_strings) {}

  enum class Step {
    kMore,
    kDone,  // the call ends with this character
    kBad,   // not a call from this character on; if called(), arguments so far are to be ended by close()
  };
  // `c` is a byte of valid UTF-8; the first is `{`.
  Step feed(char c);

  // Whether it is known to be a call of name(): from then on it is one, whatever follows.
  bool called() const { return called_; }
  const std::string& name() const { return name_; }
  // Arguments that have become certain since it was last asked, once called().
  std::string take_arguments();
  // The text ends here: makes the arguments valid JSON. Whether they were complete.
  bool close();

 private:
  enum class State { kOpen, kFirstKey, kKey, kInKey, kColon, kValueStart, kInValue, kAfter, kDone };
  Step start_value(char c);
  bool value_done();
  bool is_arguments() const { return key_ == "arguments" || key_ == "parameters"; }
  bool value_streams() const { return is_arguments() && value_first_ == '{'; }

  bool stream_strings_;
  State state_ = State::kOpen;
  JsonScanner value_;  // of the key or value at hand
  char value_first_ = 0;
  std::string text_;  // of the key or value at hand, unless it streams
  std::string key_, name_, arguments_;
  bool named_ = false, called_ = false;
  bool have_arguments_ = false;  // they have begun
  bool whole_arguments_ = false;
};

}  // namespace gannet
