// A call written in tags, from behind `<function=NAME>`: parameters become a JSON object while they come.
// Must not know: what stands around the call.
#pragma once

#include <string>
#include <string_view>

#include "chat/parameter_types.h"

namespace gannet {

class TaggedCall {
 public:
  // `types` must outlive it.
  TaggedCall(const ParameterTypes& types, std::string function, bool stream_strings)
      : types_(&types), function_(std::move(function)), stream_strings_(stream_strings) {}

  enum class Step {
    kMore,   // more text is needed
    kGoOn,   // `used` bytes are done
    kEnded,  // so is the call; what it lacked of a JSON object was added
  };
  struct Read {
    Step step;
    size_t used = 0;
    bool complete = true;      // the call ended as calls do
    bool end_of_text = false;  // it is whole, but for tags that the end of the text cut off
  };
  // Reads on at the start of `text`; `last`: nothing follows it. Appends JSON to `arguments`.
  Read read(std::string_view text, bool last, std::string* arguments);

 private:
  enum class State { kBetween, kValueStart, kValue };
  Read read_value(std::string_view text, bool last, std::string* arguments);
  void put(std::string_view text, std::string* arguments);
  void put_key(std::string* arguments);
  void end_value(std::string* arguments);
  void end_call(std::string* arguments);

  const ParameterTypes* types_;
  std::string function_;
  bool stream_strings_;
  State state_ = State::kBetween;
  bool any_ = false;  // a parameter was written

  std::string key_;
  JsonTypes value_types_ = kJsonString;
  bool on_one_line_ = false;  // no newline followed the parameter's tag
  bool fresh_ = false;        // nothing of the value was read but that newline
  bool newline_ = false;      // held back: the last one belongs to the format
  bool open_ = false;         // the value is a string that was written but for its end
  std::string raw_;           // the value, when it does not stream
};

}  // namespace gannet
