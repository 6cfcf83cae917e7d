// The text that a model writes, taken apart while it comes: thoughts, content and tool calls. A state machine
// over pieces of text that may be split anywhere, inside a character too; the split changes when something is
// said, never what. Everything is taken: what does not parse is content (or thought, inside one), and no
// input is an error. Time and memory grow linearly with the text.
//
// Calls are read in both formats (message.h), whichever the model was taught, with what models do to them:
//   - a value of the tagged format is raw text. It ends at a newline, `</parameter>`, a newline and then
//     another `<parameter=KEY>` or `</function>`, nowhere else; one of the newlines may be missing. What the
//     schema declares decides whether it is a string or JSON (parameter_types.h);
//   - `<function=NAME>` without `<tool_call>` in front is a call if NAME is declared and a parameter or the
//     end follows;
//   - `</function>` or `</parameter>` may be missing before `</tool_call>`, `</tool_call>` may be missing or
//     surplus;
//   - a call inside a thought ends the thought;
//   - arguments of the JSON format may come before the name, be a string that holds JSON, hold raw line
//     breaks in strings, or lack the last brace.
// Newlines at the borders of thoughts, and before and after calls, belong to the format and are dropped.
// Closing tags that close nothing are dropped too, unless they stand between quotes: `</think>` in backticks
// is text.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/message.h"

namespace gannet {

struct OutputOptions {
  CallFormat calls = CallFormat::kNone;  // kNone: no calls are looked for (no tools, or tool_choice none)
  std::span<const Tool> tools;           // read while the parser is made only
  bool thoughts = false;                 // <think> and </think> are tags
  bool starts_in_thought = false;        // the prompt has opened the thought already
  bool thoughts_in_content = false;      // leave thoughts and their tags in the content ("none")
  bool parallel_calls = true;            // false: the answer ends with its first call
  // False: a string argument is handed over only when it is complete. A call that is cut off then never holds
  // half a value, but a long one is silent for as long as it takes to write.
  bool stream_strings = true;
  std::string id_prefix = "call_";  // calls are named by this and their number; make it unique per answer
};

// Why the text ended.
enum class OutputEnd {
  kStop,  // the model said so
  kCut,   // a limit, a stop string or the user
};

struct OutputDelta {
  enum class Kind {
    kReasoning,  // `text` more of the thoughts
    kContent,    // `text` more of the content
    kCall,       // call number `call` has begun: `id` and `name` are final
    kArguments,  // `text` more of the JSON text of call number `call`
    kCallEnd,    // call number `call` has ended; its arguments are valid JSON; `complete` as in ToolCall
  };
  Kind kind;
  std::string text = {};
  size_t call = 0;
  std::string id = {}, name = {};
  bool complete = true;
  friend bool operator==(const OutputDelta&, const OutputDelta&) = default;
};

// One answer. Not for several threads at once.
class OutputParser {
 public:
  explicit OutputParser(const OutputOptions& options);
  OutputParser(OutputParser&&) noexcept;
  OutputParser& operator=(OutputParser&&) noexcept;
  ~OutputParser();

  // What has become certain by this piece; valid UTF-8 always (other bytes become U+FFFD). Not after
  // finish().
  std::vector<OutputDelta> feed(std::string_view piece);

  // What was held back. Once. A beginning of a call without a function's name that was cut off is dropped:
  // see cut_in_call().
  std::vector<OutputDelta> finish(OutputEnd end);

  // The deltas so far as one message: role assistant, `reasoning` present if any came.
  const Message& message() const;

  bool in_thought() const;  // between <think> and </think>: what a budget of thoughts counts
  bool in_call() const;     // a call is being written
  // The answer is complete although the model may go on (parallel_calls off); what follows is ignored.
  bool done() const;
  bool cut_in_call() const;  // after finish(kCut): it fell into a call, maybe before its name was known

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gannet
