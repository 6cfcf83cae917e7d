#include "gguf/shards.h"

#include <fmt/core.h>

#include "gguf/container.h"
#include "gguf/gguf.h"

namespace gannet {
namespace {

Error shard_error(const std::string& path, const std::string& what) {
  return {ErrorCode::kModelFile, fmt::format("{}: {}", path, what)};
}

// The integer entry `key` of one container; an absent key is an empty optional.
Result<std::optional<uint64_t>> split_entry(const GgufContainer& container, const std::string& path,
                                            std::string_view key) {
  for (const GgufEntry& entry : container.entries) {
    if (entry.key != key) continue;
    const auto value = entry.value.as_uint();
    if (value) return value;
    return gguf_damaged(path,
                        fmt::format("'{}' is {} {}, an integer of at least 0 was expected", key,
                                    entry.value.type_text(), entry.value.text(40, 4)),
                        entry.value.file_offset);
  }
  return std::optional<uint64_t>();
}

}  // namespace

std::string shard_suffix(uint64_t index, uint64_t count) {
  return fmt::format("-{:05}-of-{:05}.gguf", index + 1, count);
}

std::optional<std::string> shard_prefix(const std::string& path, uint64_t index, uint64_t count) {
  const std::string suffix = shard_suffix(index, count);
  if (!path.ends_with(suffix)) return std::nullopt;
  return path.substr(0, path.size() - suffix.size());
}

Result<std::optional<ShardIdentity>> shard_identity(const GgufContainer& container, const std::string& path) {
  const auto count = GANNET_TRY(split_entry(container, path, "split.count"));
  if (!count || *count <= 1) return std::optional<ShardIdentity>();
  if (*count > kGgufMaxShards)
    return shard_error(
        path, fmt::format("unsupported GGUF: 'split.count' is {}, the limit is {}; join the shards", *count,
                          kGgufMaxShards));
  const auto index = GANNET_TRY(split_entry(container, path, "split.no"));
  if (!index || *index >= *count)
    return shard_error(
        path, fmt::format("damaged GGUF: one of {} shards, but the key 'split.no' is {}; download the "
                          "file again",
                          *count, index ? fmt::format("{}", *index) : "missing"));
  ShardIdentity identity = {*index, *count, 0};
  const auto tensors = GANNET_TRY(split_entry(container, path, "split.tensors.count"));
  if (!tensors && *index == 0)
    return shard_error(path,
                       fmt::format("damaged GGUF: first of {} shards without the key 'split.tensors.count'; "
                                   "download the file again",
                                   *count));
  identity.n_tensors = tensors.value_or(0);
  return std::optional(identity);
}

Result<void> check_shard(const GgufContainer& container, const std::string& path,
                         const ShardIdentity& expected) {
  const auto found = GANNET_TRY(shard_identity(container, path));
  if (!found)
    return shard_error(
        path, fmt::format("is no shard of a split model, shard {} of {} was expected under this name; "
                          "download the file again",
                          expected.index + 1, expected.count));
  if (found->count != expected.count)
    return shard_error(path,
                       fmt::format("belongs to a model of {} shards, the first file says {}; download both "
                                   "again from one place",
                                   found->count, expected.count));
  if (found->index != expected.index)
    return shard_error(
        path, fmt::format("is shard {} of {} but is named as shard {}; give the files back the names "
                          "they had when they were downloaded",
                          found->index + 1, found->count, expected.index + 1));
  return {};
}

// The first container is in; finds out whether it is one of several and adds the rest.
Result<void> GgufFile::add_other_shards(const ShardIdentity& first) {
  const std::string path = shards_.front().path;  // a copy: shards_ grows below
  if (first.index != 0) {
    const auto prefix = shard_prefix(path, first.index, first.count);
    return shard_error(
        path,
        fmt::format("is shard {} of {}; name the first one, {}", first.index + 1, first.count,
                    prefix ? *prefix + shard_suffix(0, first.count) : "..." + shard_suffix(0, first.count)));
  }
  const auto prefix = shard_prefix(path, 0, first.count);
  if (!prefix)
    return shard_error(
        path, fmt::format("is the first of {} shards but its name does not end in {}; give the files "
                          "back the names they had when they were downloaded",
                          first.count, shard_suffix(0, first.count)));
  for (uint64_t i = 1; i < first.count; ++i) {
    const std::string other = *prefix + shard_suffix(i, first.count);
    auto map = MappedFile::open(other);
    if (!map)
      return map.take_error().with_context(
          fmt::format("shard {} of {} is missing or unreadable (all shards belong "
                      "in one folder)",
                      i + 1, first.count));
    maps_.push_back(map.take());
    GgufContainer container = GANNET_TRY(parse_container(maps_.back().bytes(), other));
    GANNET_TRY(check_shard(container, other, {i, first.count, 0}));
    GANNET_TRY(add_container(std::move(container), other));
  }
  if (tensors_.size() != first.n_tensors)
    return shard_error(path,
                       fmt::format("damaged GGUF: its {} shards hold {} tensors together, "
                                   "'split.tensors.count' says {}; download all shards again from one place",
                                   first.count, tensors_.size(), first.n_tensors));
  return {};
}

}  // namespace gannet
