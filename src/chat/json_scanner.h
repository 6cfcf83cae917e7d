// JSON that arrives character by character and is passed on while it is certain: at every moment what was
// passed on, plus what close() adds, is a valid JSON text. Takes what models do to strings: raw control
// characters, escapes that do not exist and halves of surrogate pairs are repaired. Must not know: tool
// calls.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gannet {

// White space of JSON.
inline bool is_json_space(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

// Appends the inside of a JSON string, without the quotes around it. `text` must be valid UTF-8.
void append_json_escaped(std::string_view text, std::string* out);

// The text that a JSON string, with its quotes, stands for. It must be valid.
std::string json_string_value(std::string_view json);

// One JSON value. Nesting deeper than 200 is refused. Time is linear, memory is bounded but for the one key
// or number held back.
class JsonScanner {
 public:
  // `stream_strings`: pass strings (not keys) on while they come.
  explicit JsonScanner(bool stream_strings = true) : stream_strings_(stream_strings) {}

  enum class Step {
    kMore,
    kDone,        // the value ends with this character
    kDoneBefore,  // the value (a number or word) ended before this character
    kBad,         // not JSON; the scanner is of no further use but for close()
  };
  // `c` is a byte of valid UTF-8. Appends what has become certain to `out`.
  Step feed(char c, std::string* out);
  // The text ends here: completes a number or word. Whether the whole value was there.
  bool end(std::string* out);
  // Makes valid JSON of what was passed on: ends the open string, closes what is open. Not before anything
  // was.
  void close(std::string* out);

  bool repaired() const { return repaired_; }
  char first() const { return first_; }  // first character of the value: its type

 private:
  enum class State {
    kValue,
    kFirstKey,
    kKey,
    kColon,
    kFirstItem,
    kAfter,
    kString,
    kEscape,
    kUnicode,
    kWord,
    kDone
  };
  Step value_starts(char c, std::string* out);
  Step value_ended(std::string* out);
  Step string_char(char c, std::string* out);
  void put_in_string(std::string_view text, std::string* out);
  void drop_half_pair(std::string* out);
  Step unicode_digit(char c, std::string* out);
  bool word_ended(std::string* out);
  void flush(std::string* out);

  bool stream_strings_;
  State state_ = State::kValue;
  std::string open_;          // the closers of what is open, innermost last
  std::string held_;          // not passed on yet: separators, keys, numbers and words
  std::string word_;          // number or word
  std::string digits_;        // of \uXXXX
  uint32_t high_ = 0;         // first half of a surrogate pair
  bool key_ = false;          // the string is a key
  bool string_open_ = false;  // a string was passed on but for its end
  bool repaired_ = false;
  char first_ = 0;
};

// The JSON text of `text` without white space around it, when it is one value and nothing else (see
// JsonScanner for what is repaired); empty otherwise.
struct ScannedJson {
  std::string json;
  char first = 0;
  bool repaired = false;
};
ScannedJson scan_json(std::string_view text);

}  // namespace gannet
