#include "base/read_input.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/input_files.h"

namespace gannet {
namespace {

constexpr size_t kPiece = size_t{1} << 16;  // what a pipe holds
constexpr int kAskEvery = 200;              // milliseconds between questions whether to stop

bool is_stdin(const std::string& path) {
  return path == "-" || path == "/dev/stdin";
}

// Closes what it opened; stdin stays open.
struct Descriptor {
  int fd;
  bool owned;
  ~Descriptor() {
    if (owned && fd >= 0) close(fd);
  }
};

std::string size_text(size_t bytes) {
  constexpr size_t kMebibyte = size_t{1} << 20;
  return bytes % kMebibyte == 0 ? fmt::format("{} MiB", bytes / kMebibyte) : fmt::format("{} bytes", bytes);
}

Error too_long(const std::string& name, size_t limit) {
  return {ErrorCode::kUsage,
          fmt::format("{}: holds more than {}, the most that is read here; is it the right "
                      "input? A longer one has to be cut",
                      name, size_text(limit))};
}

Error cannot_read(const std::string& name, int code) {
  if (code == EISDIR) return {ErrorCode::kUsage, fmt::format("{}: is a directory; name a file in it", name)};
  return {ErrorCode::kRuntime, fmt::format("{}: cannot be read: {}", name, std::strerror(code))};
}

Error stopped() {
  return {ErrorCode::kInterrupted, ""};
}

}  // namespace

std::string input_name(const std::string& path) {
  return is_stdin(path) ? "stdin" : path;
}

Result<std::string> read_input(const std::string& path, const ReadInputOptions& options) {
  const std::string name = input_name(path);
  const auto wants_out = [&] { return options.stop && options.stop(); };
  if (path.empty())
    return Error(ErrorCode::kUsage, "the name of the input file is empty; give a path, or - for stdin");

  Descriptor in{STDIN_FILENO, false};
  if (!is_stdin(path)) {
    in.owned = true;
    // Opening a FIFO waits for its writer.
    while ((in.fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)) < 0) {
      if (errno != EINTR)
        return Error(ErrorCode::kUsage, fmt::format("{}: cannot be opened: {}", name, std::strerror(errno)));
      if (wants_out()) return stopped();
    }
  }
  std::string bytes;
  struct stat info = {};
  if (fstat(in.fd, &info) == 0) {
    if (S_ISREG(info.st_mode)) remember_input(in.fd, name);  // no output may take its place
    if (S_ISREG(info.st_mode) && info.st_size > 0) {
      const auto size = static_cast<size_t>(info.st_size);
      if (!is_stdin(path) && size > options.max_bytes) return too_long(name, options.max_bytes);
      bytes.reserve(std::min(size, options.max_bytes) + kPiece);
    }
  }

  while (true) {
    if (wants_out()) return stopped();
    pollfd waiting = {in.fd, POLLIN, 0};
    const int ready = poll(&waiting, 1, options.stop ? kAskEvery : -1);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    const size_t before = bytes.size();
    bytes.resize(before + kPiece);
    const ssize_t n = read(in.fd, bytes.data() + before, kPiece);
    const int code = errno;
    bytes.resize(before + static_cast<size_t>(std::max<ssize_t>(n, 0)));
    if (n == 0) return bytes;
    if (n < 0 && code != EINTR && code != EAGAIN) return cannot_read(name, code);
    if (bytes.size() > options.max_bytes) return too_long(name, options.max_bytes);
  }
}

}  // namespace gannet
