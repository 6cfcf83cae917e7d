// Ends a text where one of several strings comes up in it, and shows nothing of that string while it comes.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gannet {

// Fed with pieces of a text; whatever the pieces are, what it gives out is the same in total. The first
// string to be complete ends the text; of several that are complete at the same byte it is the longest. One
// thread at a time.
class StopStrings {
 public:
  static constexpr size_t kMostBytes = 1 << 16;  // of all strings together

  StopStrings() = default;  // stops nothing
  // Errors (kUsage): a string that is empty or not UTF-8, too many bytes.
  static Result<StopStrings> create(std::span<const std::string> strings);

  // What can be shown by now: all but what could still become a stop string. Nothing comes behind a stop. The
  // view is good until the next call.
  std::string_view push(std::string_view piece);
  // The text is over: what was held back, nothing behind a stop. Ready for a new text then.
  std::string_view flush();
  // Which string ended it.
  const std::optional<std::string>& stopped() const { return stopped_; }

 private:
  struct One {
    std::string text;
    std::vector<size_t> borders;  // by length: the longest proper prefix that is a suffix, too
    size_t matched = 0;
  };
  std::vector<One> all_;
  std::string held_, out_;
  std::optional<std::string> stopped_;
};

}  // namespace gannet
