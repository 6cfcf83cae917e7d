#include "cli/chat_history.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "base/atomic_file.h"

namespace gannet {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostMessages = 1000;
constexpr size_t kMostBytes = 1 << 20;
constexpr size_t kMostBytesOfOne = 1 << 16;

std::string escaped(std::string_view message) {
  std::string out;
  for (const char c : message) {
    if (c == '\n')
      out += "\\n";
    else if (c == '\\')
      out += "\\\\";
    else
      out += c;
  }
  return out;
}

std::string unescaped(std::string_view line) {
  std::string out;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\\' || i + 1 == line.size()) {
      out += line[i];
      continue;
    }
    ++i;
    out += line[i] == 'n' ? '\n' : line[i];
  }
  return out;
}

// New files and folders are for the user alone.
class PrivateFiles {
 public:
  PrivateFiles() : before_(umask(0077)) {}
  ~PrivateFiles() { umask(before_); }

 private:
  mode_t before_;
};

}  // namespace

ChatHistory ChatHistory::of_user() {
  if (const char* path = std::getenv("GANNET_HISTORY")) {
    std::error_code problem;
    const fs::file_type type = fs::status(path, problem).type();  // a FIFO would be waited for
    return ChatHistory(type == fs::file_type::regular || type == fs::file_type::not_found ? path : "");
  }
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && state[0] == '/') return ChatHistory(std::string(state) + "/gannet/history");
  const char* home = std::getenv("HOME");
  if (home != nullptr && home[0] == '/')
    return ChatHistory(std::string(home) + "/.local/state/gannet/history");
  return ChatHistory("");
}

std::vector<std::string> ChatHistory::load() const {
  std::vector<std::string> messages;
  std::error_code ignored;
  if (path_.empty() || !fs::is_regular_file(path_, ignored)) return messages;
  std::ifstream in(path_, std::ios::binary);
  // Longer than this program writes it: only the end counts.
  if (const auto size = fs::file_size(path_, ignored); !ignored && size > 2 * kMostBytes) {
    in.seekg(static_cast<std::streamoff>(size - 2 * kMostBytes));
    std::string cut;
    std::getline(in, cut);
  }
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) messages.push_back(unescaped(line));
  if (messages.size() > kMostMessages) messages.erase(messages.begin(), messages.end() - kMostMessages);
  return messages;
}

Result<void> ChatHistory::add(std::string_view message) const {
  if (path_.empty() || message.size() > kMostBytesOfOne) return {};
  std::vector<std::string> messages = load();
  messages.emplace_back(message);
  size_t first = messages.size(), bytes = 0;
  while (first > 0 && messages.size() - first < kMostMessages &&
         bytes + messages[first - 1].size() < kMostBytes)
    bytes += messages[--first].size();
  std::string text;
  for (; first < messages.size(); ++first) text += escaped(messages[first]) + "\n";

  const PrivateFiles guard;
  std::error_code failed;
  if (const fs::path folder = fs::path(path_).parent_path(); !folder.empty())
    fs::create_directories(folder, failed);
  if (failed) return Error(ErrorCode::kOutput, fmt::format("{}: {}", path_, failed.message()));
  return write_file(path_, text);
}

}  // namespace gannet
