// Internal to src/gguf: the checked parse of one container (one shard). Knows nothing of files, shards or
// models.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gguf/gguf.h"

namespace gannet {

// What one container holds. Views point into the parsed bytes; the paths and shard numbers are left to the
// caller.
struct GgufContainer {
  GgufShard layout;
  std::vector<GgufEntry> entries;
  std::vector<uint32_t> by_key;  // entries in the order of their keys, which are unique
  std::vector<GgufTensor> tensors;
};

// Parses and checks the header, all entries, all tensor infos and all data ranges of `bytes`. Tensor data is
// not read. Takes O(bytes) time and memory in proportion to entries and tensors that really are in the bytes.
// `name` is the file for messages.
Result<GgufContainer> parse_container(std::span<const std::byte> bytes, const std::string& name);

// "PATH: damaged GGUF: WHAT at byte N; download the file again".
Error gguf_damaged(const std::string& path, std::string_view what, uint64_t offset);

// "PATH: unsupported GGUF: WHAT at byte N; REMEDY".
Error gguf_unsupported(const std::string& path, std::string_view what, uint64_t offset,
                       std::string_view remedy);

}  // namespace gannet
