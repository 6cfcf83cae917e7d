// Files that are being written and not yet under their final name. Whatever ends the process removes them.
#pragma once

#include <string>

#include "base/result.h"

namespace gannet {

// A new file open for writing, under a name that nobody else has. The destructor removes it, and so does the
// end of the process by exit(), abort() or any signal that can be caught: the first create() installs
// handlers for those signals that have the default action, which remove the files and then let the signal
// act. (It also turns off the signal of the file size limit, so that the write fails instead.)
class TemporaryFile {
 public:
  // `FOLDER/NAME.RANDOM.partial`, with the mode that the process gives new files (umask). Errors: kOutput
  // with the system's reason only.
  static Result<TemporaryFile> create(const std::string& folder, const std::string& name);

  TemporaryFile(TemporaryFile&& other) noexcept;
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  ~TemporaryFile();

  int descriptor() const { return fd_; }
  // Gives it its final name, in place of whatever has that name, and closes it. False: errno says why, and
  // the file is still temporary.
  bool rename_to(const std::string& path);

 private:
  TemporaryFile(std::string path, int fd, int slot) : path_(std::move(path)), fd_(fd), slot_(slot) {}

  std::string path_;  // absolute
  int fd_;            // -1: moved from, or renamed
  int slot_;          // in the table of what is to be removed; -1: none was free
};

// Removes the temporary files of this process that are there now. Async-signal-safe, for handlers that end
// the process with _exit().
void remove_temporary_files() noexcept;

}  // namespace gannet
