// The messages of earlier chats, in a file of the user: one line per message, line ends and backslashes in it
// as \n and \\.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gannet {

class ChatHistory {
 public:
  // Empty path: nothing is kept.
  explicit ChatHistory(std::string path) : path_(std::move(path)) {}
  // $GANNET_HISTORY (empty: none), else gannet/history in $XDG_STATE_HOME or ~/.local/state.
  static ChatHistory of_user();

  const std::string& path() const { return path_; }
  // Oldest first. What cannot be read is not there.
  std::vector<std::string> load() const;
  // Adds a message behind those that the file holds by now (other chats write it too) and drops the oldest
  // ones beyond 1000 messages or 1 MiB; a message above 64 KiB is not kept. Only the user can read the file.
  // Errors: kOutput.
  Result<void> add(std::string_view message) const;

 private:
  std::string path_;
};

}  // namespace gannet
