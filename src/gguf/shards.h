// Internal to src/gguf: what the files of a split model say about themselves and how they are named. Every
// shard is a complete container of its own; the keys split.no, split.count and split.tensors.count tie them
// together.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace gannet {

struct GgufContainer;

struct ShardIdentity {
  uint64_t index = 0;      // from 0
  uint64_t count = 1;      // at least 2
  uint64_t n_tensors = 0;  // of all shards together; the first shard always knows it
};

// "-00002-of-00007.gguf" for index 1 of 7.
std::string shard_suffix(uint64_t index, uint64_t count);

// PREFIX of a path that ends in shard_suffix(index, count); empty when it does not. The prefix keeps the
// folder, so every shard is looked for beside the given one.
std::optional<std::string> shard_prefix(const std::string& path, uint64_t index, uint64_t count);

// Empty for a file that is not split.
Result<std::optional<ShardIdentity>> shard_identity(const GgufContainer& container, const std::string& path);

// A shard must be the one its name promises; files that were renamed, swapped or copied over each other are
// not.
Result<void> check_shard(const GgufContainer& container, const std::string& path,
                         const ShardIdentity& expected);

}  // namespace gannet
