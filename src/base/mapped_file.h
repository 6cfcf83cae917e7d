// Read-only file mapping.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/input_files.h"
#include "base/result.h"

namespace gannet {

// Owns a read-only private mapping of a whole file, which begins at a huge page (base/huge_pages.h). Movable;
// unmapped by the destructor. Reading pages that the file no longer has (it was truncated after open) raises
// SIGBUS; the first open() installs a handler that ends the process with exit code 3 and the name of the file
// when the fault lies in one of our mappings.
class MappedFile {
 public:
  // Never waits. Errors: kModelFile with the path and the reason (missing, unreadable, not a regular file but
  // a directory, a FIFO, a socket or a device). An empty file maps to an empty span. While it is open the
  // file is an input (base/input_files.h).
  static Result<MappedFile> open(const std::string& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }

  // Asks the kernel to read the file into its cache in pieces of 2 MiB from now on, which it can then map as
  // huge pages, for all processes that use the file. Done by file systems with large folios (seen on ext4 of
  // Linux 6.18), whatever the setting of transparent huge pages; elsewhere nothing happens.
  void prefer_huge_pages() const;

  // For base/page_mover.h. The file as it was opened; -1 for an empty one.
  int descriptor() const { return fd_; }
  // Errors: kModelFile when somebody has cut or rewritten the file since it was opened. A file that was
  // replaced by another of its name is still there for us.
  Result<void> check_unchanged() const;

 private:
  MappedFile() = default;
  void release();

  std::string path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  size_t mapped_ = 0;  // bytes of addresses, whole huge pages
  int fd_ = -1;
  InputMark mark_;
  int64_t modified_seconds_ = 0, modified_nanoseconds_ = 0;  // when opened
};

// The error of a file that has fewer bytes than when it was opened.
Error shrunk_error(const std::string& path);

}  // namespace gannet
