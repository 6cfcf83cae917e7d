#include "base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>

#include <fmt/core.h>

#include "base/input_files.h"

namespace gannet {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBufferBytes = 1 << 20;

Error output_error(const std::string& path, const std::string& why) {
  return {ErrorCode::kOutput, fmt::format("{}: cannot be written: {}", path, why)};
}

Error output_error(const std::string& path, int code) {
  const bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
  return output_error(
      path, fmt::format("{}{}", std::strerror(code), full ? "; make room or name another place" : ""));
}

// With all symbolic links followed; empty with errno.
std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr), &std::free);
  return real == nullptr ? "" : real.get();
}

// What a path to nothing yet leads to: itself, or where the symbolic links end.
fs::path end_of_links(fs::path path) {
  constexpr int kMostLinks = 40;  // as many as the system follows
  std::error_code problem;
  for (int i = 0; i < kMostLinks && fs::is_symlink(path, problem); ++i)
    path = path.parent_path() / fs::read_symlink(path, problem);
  return path;
}

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool is_stdout(const struct stat& file) {
  struct stat out = {};
  return fstat(STDOUT_FILENO, &out) == 0 && same_file(file, out);
}

// A container's files are often mounted one by one.
bool is_mount_point(const std::string& path) {
  struct statx facts = {};
  return statx(AT_FDCWD, path.c_str(), 0, STATX_BASIC_STATS, &facts) == 0 &&
         (facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

// In folders like /tmp (sticky) files of others stay, whatever may be written into them.
bool may_replace(const fs::path& target, const struct stat& old) {
  struct stat folder = {};
  if (stat(target.parent_path().c_str(), &folder) != 0 || (folder.st_mode & S_ISVTX) == 0) return true;
  const uid_t user = geteuid();
  return user == 0 || user == old.st_uid || user == folder.st_uid;
}

}  // namespace

// Where an output goes.
struct AtomicFile::Place {
  enum class Kind { kFile, kThrough, kStdout } kind;
  fs::path target = {};   // kFile: without symbolic links
  bool replaces = false;  // kFile: something is there
  struct stat old = {};   // of what is there
};

Result<AtomicFile::Place> AtomicFile::stdout_place(const std::string& path) {
  struct stat out = {};
  if (isatty(STDOUT_FILENO) == 1)
    return Error(
        ErrorCode::kUsage,
        fmt::format("{}: stdout is a terminal, which these bytes would upset; redirect it to a file", path));
  if (fstat(STDOUT_FILENO, &out) == 0)
    if (const std::string input = input_path(out); !input.empty())
      return Error(
          ErrorCode::kUsage,
          fmt::format("{}: stdout is an input of this command ({}); name another output", path, input));
  return Place{Place::Kind::kStdout};
}

Result<AtomicFile::Place> AtomicFile::find_place(const std::string& path) {
  if (path.empty())
    return Error(ErrorCode::kUsage, "the name of the output is empty; name a file, or - for stdout");
  if (path == "-") return stdout_place(path);
  struct stat old = {};
  if (stat(path.c_str(), &old) == 0) {
    if (S_ISDIR(old.st_mode)) return output_error(path, "it is a directory; name a file in it");
    if (is_stdout(old)) return stdout_place(path);
    if (!S_ISREG(old.st_mode)) return Place{Place::Kind::kThrough};
    if (const std::string input = input_path(old); !input.empty())
      return Error(ErrorCode::kUsage, fmt::format("{}: is an input of this command{}; name another output",
                                                  path, input == path ? "" : fmt::format(" ({})", input)));
    if (faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0) return output_error(path, errno);
    if (is_mount_point(path))
      return output_error(path,
                          "something is mounted there, so it cannot be replaced; name a file in a folder");
    std::string target = real_path(path);
    struct stat there = {};
    // What was removed or is open elsewhere can be reached by a descriptor of /proc and has no name.
    if (target.empty() || stat(target.c_str(), &there) != 0 || !same_file(old, there))
      return Place{Place::Kind::kThrough};
    if (!may_replace(target, old))
      return output_error(path, "in this folder only its owner can replace it; name another place");
    return Place{Place::Kind::kFile, std::move(target), true, old};
  }
  if (errno != ENOENT) return output_error(path, errno);
  const fs::path target = end_of_links(path);
  if (!target.has_filename()) return output_error(path, "there is no such directory");
  const std::string parent = target.has_parent_path() ? target.parent_path().string() : ".";
  const std::string folder = real_path(parent);
  if (folder.empty()) return output_error(path, fmt::format("folder {}: {}", parent, std::strerror(errno)));
  return Place{Place::Kind::kFile, folder / target.filename()};
}

Result<void> AtomicFile::check(const std::string& path) {
  const Place place = GANNET_TRY(find_place(path));
  const std::string folder = place.target.parent_path().string();
  if (place.kind == Place::Kind::kFile && faccessat(AT_FDCWD, folder.c_str(), W_OK, AT_EACCESS) != 0)
    return output_error(path, fmt::format("folder {}: {}", folder, std::strerror(errno)));
  return {};
}

Result<AtomicFile> AtomicFile::create(const std::string& path, uint64_t expected_bytes) {
  Place place = GANNET_TRY(find_place(path));
  if (place.kind == Place::Kind::kStdout) {
    std::fflush(stdout);
    const int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (fd < 0) return output_error("stdout", errno);
    return AtomicFile("stdout", "", std::nullopt, fd);
  }
  if (place.kind == Place::Kind::kThrough) {
    const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == EINTR) return Error(ErrorCode::kInterrupted, path + ": interrupted");
    if (fd < 0) return output_error(path, errno);
    return AtomicFile(path, "", std::nullopt, fd);
  }
  const std::string folder = place.target.parent_path().string();
  struct statvfs space = {};
  if (expected_bytes > 0 && statvfs(folder.c_str(), &space) == 0) {
    const uint64_t available = uint64_t{space.f_bavail} * space.f_frsize;
    if (available < expected_bytes)
      return output_error(path,
                          fmt::format("{} bytes are needed, {} are free; make room or name another place",
                                      expected_bytes, available));
  }
  auto temporary = TemporaryFile::create(folder, place.target.filename().string());
  if (!temporary.ok())
    return output_error(
        path, fmt::format("no file can be made in folder {}: {}", folder, temporary.error().message()));
  const int fd = temporary->descriptor();
  if (place.replaces) {
    // Only the superuser can give files away; for all others the new file is theirs.
    const bool given = fchown(fd, place.old.st_uid, place.old.st_gid) == 0;
    static_cast<void>(given);
    if (fchmod(fd, place.old.st_mode & 0777) != 0) return output_error(path, errno);
  }
  return AtomicFile(path, place.target.string(), temporary.take(), fd);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      target_(std::move(other.target_)),
      temporary_(std::move(other.temporary_)),
      fd_(std::exchange(other.fd_, -1)),
      written_(other.written_),
      buffer_(std::move(other.buffer_)) {}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0 && !temporary_) close(fd_);
}

Result<void> AtomicFile::put(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return output_error(path_, errno);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return {};
}

Result<void> AtomicFile::write(std::span<const std::byte> bytes) {
  written_ += bytes.size();
  if (buffer_.size() + bytes.size() > kBufferBytes) GANNET_TRY(flush());
  if (bytes.size() > kBufferBytes) return put(bytes);
  buffer_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return {};
}

Result<void> AtomicFile::flush() {
  GANNET_TRY(put(std::as_bytes(std::span(buffer_))));
  buffer_.clear();
  return {};
}

Result<void> AtomicFile::commit() {
  GANNET_TRY(flush());
  if (!temporary_) {
    if (close(std::exchange(fd_, -1)) != 0) return output_error(path_, errno);
    return {};
  }
  if (fsync(fd_) != 0 || !temporary_->rename_to(target_)) return output_error(path_, errno);
  return {};
}

Result<void> write_file(const std::string& path, std::string_view text) {
  AtomicFile file = GANNET_TRY(AtomicFile::create(path));
  GANNET_TRY(file.write(text.data(), text.size()));
  return file.commit();
}

}  // namespace gannet
