// The full check of a model file's contents, beyond the structure that opening proves: every scale and float
// of every tensor is finite and every field of every block is in its defined range, and optionally the
// SHA-256 of each file. Bytes that belong to nothing are unsound too: they are what is left of another file
// that was written at the same time. Reads every byte once (twice with SHA-256). Whether a model is complete
// for its architecture is not known here.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "gguf/gguf.h"
#include "tensor/dtype.h"

namespace gannet {

struct VerifyOptions {
  int threads = 1;
  bool sha256 = false;
};

// A tensor with unsound blocks: how many, and where the first one is.
struct BadTensor {
  std::string name;
  DType dtype = DType::kF32;
  int shard = 0;
  int64_t bad_blocks = 0;
  int64_t total_blocks = 0;
  int64_t row = 0;           // counted through all leading axes
  int64_t block = 0;         // within the row; of a float tensor: the element
  uint64_t file_offset = 0;  // of the block in its shard
};

struct VerifiedShard {
  std::string path;
  uint64_t bytes = 0;
  uint64_t trailing_bytes = 0;  // after the last tensor and its padding
  uint64_t bad_padding = 0;     // bytes between header, tensors and end that are not 0
  std::string sha256;           // lower-case hex; empty when not asked for
};

struct VerifyReport {
  std::vector<VerifiedShard> shards;
  size_t n_entries = 0;
  size_t n_tensors = 0;
  uint64_t data_bytes = 0;  // tensor bytes checked
  std::vector<BadTensor> bad;

  bool sound() const;
};

// Called between pieces of work, from the calling thread, with bytes done and in all. False stops the check.
using VerifyProgress = std::function<bool(uint64_t done, uint64_t total)>;

// Checks an opened file. Errors: kInterrupted when `progress` said so. Unsound contents are no error: they
// are in the report.
Result<VerifyReport> verify_gguf(const GgufFile& file, const VerifyOptions& options = {},
                                 const VerifyProgress& progress = nullptr);

// Opens PATH (with its shards) and checks it. Errors: also those of GgufFile::open().
Result<VerifyReport> verify_gguf(const std::string& path, const VerifyOptions& options = {},
                                 const VerifyProgress& progress = nullptr);

// Lower-case hex SHA-256.
std::string sha256_hex(std::span<const std::byte> bytes);

}  // namespace gannet
