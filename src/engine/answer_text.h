// The text of an answer, token by token: whole characters, and nothing of what could still become a stop
// string.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "text/detokenizer.h"
#include "text/stop_strings.h"

namespace gannet {

// Called with complete UTF-8 text as it comes (possibly empty); false stops the answer.
using OnText = std::function<bool(std::string_view text)>;

// The tokenizer must outlive it. One thread at a time.
class AnswerText {
 public:
  // Errors: those of StopStrings::create().
  static Result<AnswerText> create(const Tokenizer& tokenizer, std::span<const std::string> stop) {
    return AnswerText(tokenizer, GANNET_TRY(StopStrings::create(stop)));
  }

  // False: the answer ends here, because on_text or a stop string says so.
  bool push(TokenId token, const OnText& on_text) {
    return on_text(stop_.push(text_.push(token))) && !stop_.stopped().has_value();
  }
  // What was held back. Returns the stop string that ended the answer, if one did.
  std::optional<std::string> finish(const OnText& on_text) {
    const std::string rest(stop_.push(text_.flush()));
    std::optional<std::string> stopped = stop_.stopped();
    on_text(rest);
    if (!stopped) on_text(stop_.flush());
    return stopped;
  }

 private:
  AnswerText(const Tokenizer& tokenizer, StopStrings stop)
      : text_(tokenizer, /*show_special=*/false, IllFormed::kReplace), stop_(std::move(stop)) {}

  Detokenizer text_;
  StopStrings stop_;
};

}  // namespace gannet
