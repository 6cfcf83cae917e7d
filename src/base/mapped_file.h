// Read-only file mapping.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace gannet {

// Owns a read-only private mapping of a whole file. Movable; unmapped by the destructor.
// Reading pages that the file no longer has (it was truncated after open) raises SIGBUS; the first open()
// installs a handler that ends the process with exit code 3 and the name of the file when the fault lies in
// one of our mappings.
class MappedFile {
 public:
  // Errors: kModelFile with the path and the system's reason (missing, a directory, unreadable). An empty
  // file maps to an empty span.
  static Result<MappedFile> open(const std::string& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }

 private:
  MappedFile(std::string path, const std::byte* data, size_t size);
  void release();

  std::string path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace gannet
