// A remembered point of a text as a file: tokens, K and V behind the point before it, and the recurrent
// state.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "state/state_bytes.h"
#include "text/vocabulary.h"

namespace gannet {

// What stands in front of the state. K and V are of the tokens [from, to), by part; those before `from` are
// in the file `parent`, and so on.
struct StateFileHead {
  std::string fingerprint;      // of all that the bytes depend on: model, build, options
  uint64_t id = 0, parent = 0;  // parent 0: none, `from` is 0
  std::vector<TokenId> tokens;  // of the trunk, [from, to)
  StateLengths from = {}, to = {};
  int64_t base_at = 0;
  uint64_t kv_bytes = 0, recurrent_bytes = 0;

  bool operator==(const StateFileHead&) const = default;
};

// The file holds head, tokens, K and V, and the recurrent state, each with a checksum (XXH3). Without its
// last part it is still good as the beginning of others: drop_recurrent_state() cuts it there.

// Written whole or not at all. Errors: kOutput.
Result<void> write_state_file(const std::string& path, const StateFileHead& head,
                              std::span<const std::byte> kv, std::span<const std::byte> recurrent);

// An open file.
class StateFile {
 public:
  // Errors: kRuntime with the path for a file that is none of these, or damaged; nothing is reserved by what
  // it claims that its size does not bear out.
  static Result<StateFile> open(const std::string& path);
  StateFile(StateFile&& other) noexcept;
  StateFile& operator=(StateFile&&) = delete;
  ~StateFile();

  const StateFileHead& head() const { return head_; }
  bool has_recurrent_state() const { return recurrent_; }
  int64_t bytes() const { return size_; }
  // Errors: kRuntime when it cannot be read or the checksum is another.
  Result<std::vector<std::byte>> read_kv() const;
  Result<std::vector<std::byte>> read_recurrent() const;

 private:
  StateFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  Result<void> read_head();
  Result<std::vector<std::byte>> read(int64_t at, uint64_t n) const;
  Result<std::vector<std::byte>> read_checked(int64_t at, uint64_t n) const;
  Error damaged(const std::string& what) const;

  std::string path_;
  int fd_ = -1;
  StateFileHead head_;
  int64_t size_ = 0, head_bytes_ = 0;
  bool recurrent_ = false;
};

// Errors: kOutput.
Result<void> drop_recurrent_state(const std::string& path);

}  // namespace gannet
