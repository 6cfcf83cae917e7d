// What the output parser has read, as deltas and as a message; and the newlines at the borders of thoughts
// and calls, which belong to the format. Must not know: how tags are found.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chat/output_parser.h"

namespace gannet {

class AnswerText {
 public:
  explicit AnswerText(const OutputOptions& options);

  // Text of the content, or of the thought that is open. Its last newlines wait for what follows.
  void put(std::string_view more);
  void drop_newlines() { newlines_ = 0; }
  void open_thought();
  void close_thought();
  void begin_call(std::string_view name);  // ends an open thought
  void add_arguments(std::string_view more);
  void end_call(bool complete);
  void finish();  // the text ends here

  const Message& message() const { return message_; }
  std::vector<OutputDelta> take_deltas();
  bool in_thought() const { return in_thought_; }
  bool at_line_start() const { return at_border_ || newlines_ > 0 || message_.content.empty(); }
  // Nothing but newlines since a thought was opened or closed, or a call ended.
  bool at_border() const { return at_border_; }

 private:
  void add(OutputDelta::Kind kind, std::string_view more);
  bool thought_apart() const { return in_thought_ && !in_content_; }

  std::string id_prefix_;
  bool in_content_;  // thoughts stay in the content
  Message message_;
  std::vector<OutputDelta> deltas_;
  bool in_thought_;
  bool thought_shown_ = false;  // its opening tag is in the content
  size_t newlines_ = 0;         // held back
  bool at_border_;
};

}  // namespace gannet
