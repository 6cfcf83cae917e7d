// An answer as the user of `gannet run` sees it, while it comes: content on stdout, thoughts dimmed on a
// terminal (or folded into one line), calls of tools as lines of JSON on stdout.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "chat/output_parser.h"
#include "cli/answer_output.h"

namespace gannet {

enum class ThoughtView {
  kShown,   // on a terminal; elsewhere stdout holds the answer and nothing else
  kFolded,  // how much there is, while it comes
};

class AnswerView {
 public:
  explicit AnswerView(ThoughtView thoughts);
  ~AnswerView();
  AnswerView(const AnswerView&) = delete;
  AnswerView& operator=(const AnswerView&) = delete;

  // False: nothing more is wanted, because stdout failed or the user interrupted.
  bool show(const OutputDelta& delta);
  // `cut`: the answer did not end by itself. Errors: kOutput when stdout takes no more.
  Result<void> end(bool cut);

 private:
  using Clock = std::chrono::steady_clock;

  bool thought(std::string_view text);
  void end_thoughts();
  bool call_ended(bool complete);
  void status(const std::string& line);

  AnswerOutput output_;
  bool shows_thoughts_;
  bool thinking_ = false, content_ = false;
  size_t n_characters_ = 0;  // of thoughts
  Clock::time_point began_, last_status_;
  bool status_shown_ = false;
  std::string id_, name_, arguments_;  // of the call that is being written
  bool line_open_ = false, behind_call_ = false;
};

}  // namespace gannet
