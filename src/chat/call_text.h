// Looking ahead in text that is not all there yet, and what of the tagged format can be recognised by it. All
// looks are bounded (white space and names have limits), so that text can be read again at every piece.
#pragma once

#include <cstddef>
#include <string_view>

namespace gannet {

constexpr std::string_view kCallOpen = "<tool_call>", kCallClose = "</tool_call>",
                           kFunctionOpen = "<function=", kFunctionClose = "</function>",
                           kParameterOpen = "<parameter=", kParameterClose = "</parameter>",
                           kThoughtOpen = "<think>", kThoughtClose = "</think>";

enum class Look {
  kNo,
  kMore,  // the text ends before it is decided
  kYes,
};

class Ahead {
 public:
  // `last`: nothing follows `text`.
  Ahead(std::string_view text, bool last) : text_(text), last_(last) {}

  size_t at = 0;
  bool at_end() const { return at == text_.size(); }
  bool last() const { return last_; }
  char next() const { return text_[at]; }

  Look tag(std::string_view tag);  // exactly this; goes behind it
  Look spaces();                   // up to 64 of white space; always yes when there is text behind
  // `open` NAME `>`; names are 1 to 256 bytes without `<`, `>`, double quotes and line breaks, and without
  // white space at their borders.
  Look named(std::string_view open, std::string_view* name);
  Look parameter_or_end();  // `<parameter=KEY>` or `</function>`; does not go behind
  Look function_head(
      std::string_view* name);  // `<function=NAME>`, then a parameter or the end; goes before that
  bool saw_newline = false;     // by the last spaces()

 private:
  std::string_view text_;
  bool last_;
};

// How the text at `</parameter>` or `</function>` ends a value, if it does.
struct ValueEnd {
  Look look = Look::kNo;
  size_t length = 0;         // bytes to go behind
  bool ends_call = false;    // what ended it ends the call too
  bool end_of_text = false;  // it is the end of the text that ended it
};
// `newline_before`: a newline precedes. `on_one_line`: none followed the `<parameter=KEY>` either.
ValueEnd look_for_value_end(std::string_view text, bool last, bool newline_before, bool on_one_line);

}  // namespace gannet
