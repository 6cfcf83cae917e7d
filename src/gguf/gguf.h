// Reading GGUF files (versions 2 and 3, little-endian, whole or split into shards). The files are mapped,
// their structure is checked completely before anything is returned, and tensor data is never touched:
// opening costs the header, not the weights. This folder knows the container only; what keys and tensors mean
// is the model folder's.
//
//   auto file = GANNET_TRY(GgufFile::open("model-00001-of-00003.gguf"));
//   auto layers = GANNET_TRY(file.get_uint("qwen3.block_count"));   // Result<optional>: absent is not an
//   error const GgufTensor* embedding = file.find_tensor("token_embd.weight");
//
// Every file is treated as hostile. A damaged one gives ErrorCode::kModelFile and one line
// "PATH: damaged GGUF: WHAT at byte N; REMEDY", a sound one beyond the limits below "PATH: unsupported GGUF:
// ...".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "gguf/value.h"
#include "tensor/shape.h"

namespace gannet {

struct GgufContainer;
struct ShardIdentity;

// Limits of the reader. Published models stay far below each.
inline constexpr uint64_t kGgufMaxEntries = 65'536;
inline constexpr uint64_t kGgufMaxTensors = 65'536;  // over all shards
inline constexpr uint64_t kGgufMaxKeyBytes = 65'535;
inline constexpr uint64_t kGgufMaxNameBytes = 63;
inline constexpr uint64_t kGgufMaxTextBytes =
    64u << 20;  // a string value: some files carry a whole tokenizer.json
inline constexpr uint64_t kGgufMaxElementBytes = 16u << 20;  // a string in an array
inline constexpr uint64_t kGgufMaxArray = uint64_t{1} << 30;
inline constexpr uint64_t kGgufMaxAlignment = 65'536;
inline constexpr uint64_t kGgufDefaultAlignment = 32;
inline constexpr uint64_t kGgufMaxShards = 1'024;

struct GgufEntry {
  std::string_view key;
  GgufValue value;
};

struct GgufTensor {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;  // slowest axis first: a linear weight is [n_out, n_in]; rank 1 to 4, no axis is 0
  std::span<const std::byte> data;  // rows packed; as aligned as the file is
  uint64_t file_offset = 0;         // of `data` in its shard
  int shard = 0;
};

struct GgufShard {
  std::string path;
  std::span<const std::byte> bytes;  // the whole file
  uint32_t version = 0;
  uint64_t alignment = kGgufDefaultAlignment;
  uint64_t header_end = 0;
  uint64_t data_start = 0;  // file offset of the data section; end of the header when there are no tensors
  size_t n_tensors = 0;
};

// An opened file. Movable; owns the mappings that all views point into. Const methods are thread-safe.
class GgufFile {
 public:
  // Maps PATH and, when it is the first of several shards, the others beside it (PREFIX-00002-of-0000N.gguf,
  // ...).
  static Result<GgufFile> open(const std::string& path);

  // The same checks on bytes in memory, which must outlive the result. One container; shards are not
  // followed.
  static Result<GgufFile> parse(std::span<const std::byte> bytes, std::string name);

  const std::string& path() const { return shards_.front().path; }
  std::span<const GgufShard> shards() const { return shards_; }
  uint64_t file_bytes() const;  // over all shards
  // The mapping of each shard; empty for parse(), whose bytes are somebody else's.
  std::span<const MappedFile> maps() const { return maps_; }

  // Metadata of the first shard, in file order. Lookup is a binary search: no file can make it slow.
  std::span<const GgufEntry> entries() const { return entries_; }
  const GgufValue* find(std::string_view key) const;

  // Typed access: empty when the key is absent, an error naming key, found and wanted type when it holds
  // something else. Integers of any width are accepted when the value fits; floats are f32 or f64.
  Result<std::optional<uint64_t>> get_uint(std::string_view key) const;
  Result<std::optional<int64_t>> get_int(std::string_view key) const;
  Result<std::optional<double>> get_float(std::string_view key) const;
  Result<std::optional<bool>> get_bool(std::string_view key) const;
  Result<std::optional<std::string_view>> get_string(std::string_view key) const;
  Result<std::optional<GgufNumbers<uint64_t>>> get_uint_array(std::string_view key) const;
  Result<std::optional<GgufNumbers<int64_t>>> get_int_array(std::string_view key) const;
  Result<std::optional<GgufNumbers<double>>> get_float_array(std::string_view key) const;
  Result<std::optional<GgufNumbers<bool>>> get_bool_array(std::string_view key) const;
  Result<std::optional<GgufStrings>> get_string_array(std::string_view key) const;

  // Tensors of all shards, shard by shard in file order. Names are unique.
  std::span<const GgufTensor> tensors() const { return tensors_; }
  const GgufTensor* find_tensor(std::string_view name) const;

 private:
  GgufFile() = default;
  Result<void> add_container(GgufContainer container, const std::string& path);
  Result<void> add_other_shards(const ShardIdentity& first);
  Result<void> index_tensors();

  std::vector<MappedFile> maps_;
  std::vector<GgufShard> shards_;
  std::vector<GgufEntry> entries_;
  std::vector<uint32_t> entries_by_key_;
  std::vector<GgufTensor> tensors_;
  std::vector<uint32_t> tensors_by_name_;
};

}  // namespace gannet
