// Inputs of the user (prompts, lists of tokens, graphs) read whole into memory, from wherever they come: a
// file, stdin, a FIFO, or what a shell makes of <(...). Model files are mapped instead (mapped_file.h).
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "base/result.h"

namespace gannet {

struct ReadInputOptions {
  size_t max_bytes;  // more is an Error, so that an endless input ends
  std::function<bool()>
      stop;  // asked while waiting, a few times a second; true: the user wants out. May be null
};

// All bytes of `path` up to its end; "-" and /dev/stdin are what stands at descriptor 0. Waits for writers of
// FIFOs and terminals; a signal whose handler was installed without SA_RESTART ends the wait at once if
// `stop` then says so. Errors: kUsage (empty path, cannot be opened, a directory, longer than max_bytes),
// kRuntime (the system fails to read), kInterrupted (stop), with the path and what helps.
Result<std::string> read_input(const std::string& path, const ReadInputOptions& options);

// How messages call the input: the path, or "stdin".
std::string input_name(const std::string& path);

}  // namespace gannet
