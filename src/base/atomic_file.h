// Files are written whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/temporary_files.h"

namespace gannet {

// An output by name. A file is written under a temporary name of its own in the same folder (see
// base/temporary_files.h); commit() syncs it and puts it in the place of PATH, which keeps its mode and,
// where the system allows it, its owner. Until then, and without a commit for ever, PATH keeps its old
// content, and of several writers the last one to commit wins, whole. A symbolic link stays and what it
// points to is written. What is no file cannot be written whole: a device, a FIFO and stdout ("-") get the
// bytes as they come. Not thread-safe.
class AtomicFile {
 public:
  // `expected_bytes` (0 = unknown) is compared with the free space first. A FIFO waits for its reader.
  // Errors: kOutput with path and reason; kUsage for an empty name, for stdout when it is a terminal, and for
  // a file that is an input of this process (base/input_files.h), by whatever name.
  static Result<AtomicFile> create(const std::string& path, uint64_t expected_bytes = 0);
  // The errors of create() that need no writing, without touching anything: for what is written at the end of
  // long work.
  static Result<void> check(const std::string& path);

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
  struct Place;
  static Result<Place> find_place(const std::string& path);
  static Result<Place> stdout_place(const std::string& path);
  AtomicFile(std::string path, std::string target, std::optional<TemporaryFile> temporary, int fd)
      : path_(std::move(path)), target_(std::move(target)), temporary_(std::move(temporary)), fd_(fd) {}
  Result<void> put(std::span<const std::byte> bytes);
  Result<void> flush();

  std::string path_;                        // for messages
  std::string target_;                      // what commit() replaces
  std::optional<TemporaryFile> temporary_;  // none: written as it comes
  int fd_ = -1;                             // of the temporary file, or owned
  uint64_t written_ = 0;
  std::string buffer_;
};

// `text` as the whole of an AtomicFile. Errors: its.
Result<void> write_file(const std::string& path, std::string_view text);

}  // namespace gannet
