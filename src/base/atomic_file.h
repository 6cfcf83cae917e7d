// Files are written whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace gannet {

// Writes to `PATH.partial`; commit() syncs and renames it to PATH. Without a commit the destructor removes
// the partial file, so PATH either keeps its old content or holds the complete new one. Not thread-safe.
class AtomicFile {
 public:
  // `expected_bytes` (0 = unknown) is compared with the free space first. Errors: kOutput with path and
  // reason.
  static Result<AtomicFile> create(const std::string& path, uint64_t expected_bytes = 0);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  Result<void> write(std::span<const std::byte> bytes);
  Result<void> write(const void* data, size_t size) {
    return write(std::span(static_cast<const std::byte*>(data), size));
  }
  Result<void> commit();
  uint64_t written() const { return written_; }

 private:
  AtomicFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  Result<void> flush();

  std::string path_;
  int fd_ = -1;
  uint64_t written_ = 0;
  std::string buffer_;
};

}  // namespace gannet
