#include "base/atomic_file.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fmt/core.h>

namespace gannet {
namespace {

constexpr size_t kBufferBytes = 1 << 20;

Error output_error(const std::string& path, const std::string& why) {
  return {ErrorCode::kOutput, fmt::format("{}: cannot be written: {}", path, why)};
}

}  // namespace

Result<AtomicFile> AtomicFile::create(const std::string& path, uint64_t expected_bytes) {
  const auto folder = std::filesystem::path(path).parent_path();
  struct statvfs space = {};
  if (expected_bytes > 0 && statvfs(folder.empty() ? "." : folder.c_str(), &space) == 0) {
    const uint64_t available = uint64_t{space.f_bavail} * space.f_frsize;
    if (available < expected_bytes)
      return output_error(path, fmt::format("{} bytes are needed, {} are free", expected_bytes, available));
  }
  const int fd = ::open((path + ".partial").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return output_error(path, std::strerror(errno));
  return AtomicFile(path, fd);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      written_(other.written_),
      buffer_(std::move(other.buffer_)) {}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  close(fd_);
  unlink((path_ + ".partial").c_str());
}

Result<void> AtomicFile::write(std::span<const std::byte> bytes) {
  written_ += bytes.size();
  if (buffer_.size() + bytes.size() > kBufferBytes) GANNET_TRY(flush());
  if (bytes.size() <= kBufferBytes) {
    buffer_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return output_error(path_, std::strerror(errno));
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return {};
}

Result<void> AtomicFile::flush() {
  size_t done = 0;
  while (done < buffer_.size()) {
    const ssize_t n = ::write(fd_, buffer_.data() + done, buffer_.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return output_error(path_, std::strerror(errno));
    done += static_cast<size_t>(n);
  }
  buffer_.clear();
  return {};
}

Result<void> AtomicFile::commit() {
  GANNET_TRY(flush());
  if (fsync(fd_) != 0) return output_error(path_, std::strerror(errno));
  if (rename((path_ + ".partial").c_str(), path_.c_str()) != 0)
    return output_error(path_, std::strerror(errno));
  close(fd_);
  fd_ = -1;
  return {};
}

}  // namespace gannet
