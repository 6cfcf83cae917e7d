// The files that this process reads, so that no output takes the place of one. A file counts as what it is on
// its device, whatever name or link leads to it.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>

namespace gannet {

// While it lives, the open file is an input. Movable. Thread-safe.
class InputMark {
 public:
  InputMark() = default;  // marks nothing
  // `path`: for messages.
  InputMark(int descriptor, const std::string& path);

 private:
  std::shared_ptr<void> entry_;
};

// The same until the process ends, for files that are read whole and closed, as prompts and lists of tokens
// are.
void remember_input(int descriptor, const std::string& path);

// The path by which the file is being read; empty when it is not.
std::string input_path(const struct stat& file);

}  // namespace gannet
