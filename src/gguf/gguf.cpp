#include "gguf/gguf.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/core.h>

#include "base/printable.h"
#include "gguf/container.h"
#include "gguf/shards.h"

namespace gannet {
namespace {

// The value of `key` through `convert` (a member of GgufValue that is empty when the value does not suit).
template <class T, class Convert>
Result<std::optional<T>> typed(const GgufFile& file, std::string_view key, std::string_view wanted,
                               Convert convert) {
  const GgufValue* value = file.find(key);
  if (value == nullptr) return std::optional<T>();
  std::optional<T> converted = (value->*convert)();
  if (converted) return converted;
  return Error(
      ErrorCode::kModelFile,
      fmt::format("{}: the key '{}' holds {} {} at byte {}, {} was expected; convert the model again",
                  file.path(), printable(key, 80), value->type_text(), value->text(40, 4), value->file_offset,
                  wanted));
}

}  // namespace

Result<GgufFile> GgufFile::parse(std::span<const std::byte> bytes, std::string name) {
  GgufFile file;
  GgufContainer container = GANNET_TRY(parse_container(bytes, name));
  GANNET_TRY(file.add_container(std::move(container), name));
  GANNET_TRY(file.index_tensors());
  return file;
}

Result<GgufFile> GgufFile::open(const std::string& path) {
  GgufFile file;
  file.maps_.push_back(GANNET_TRY(MappedFile::open(path)));
  GgufContainer container = GANNET_TRY(parse_container(file.maps_.back().bytes(), path));
  const auto identity = GANNET_TRY(shard_identity(container, path));
  GANNET_TRY(file.add_container(std::move(container), path));
  if (identity) GANNET_TRY(file.add_other_shards(*identity));
  GANNET_TRY(file.index_tensors());
  return file;
}

// The metadata of a model is that of its first shard; the entries of the others only say which shard they
// are.
Result<void> GgufFile::add_container(GgufContainer container, const std::string& path) {
  container.layout.path = path;
  const int shard = static_cast<int>(shards_.size());
  for (GgufTensor& tensor : container.tensors) tensor.shard = shard;
  if (shard == 0) {
    entries_ = std::move(container.entries);
    entries_by_key_ = std::move(container.by_key);
    tensors_ = std::move(container.tensors);
  } else {
    std::ranges::move(container.tensors, std::back_inserter(tensors_));
  }
  shards_.push_back(std::move(container.layout));
  if (tensors_.size() > kGgufMaxTensors)
    return gguf_unsupported(
        path, fmt::format("{} tensors over all shards, the limit is {}", tensors_.size(), kGgufMaxTensors), 8,
        "use another file");
  return {};
}

Result<void> GgufFile::index_tensors() {
  const auto name = [&](uint32_t i) -> std::string_view { return tensors_[i].name; };
  tensors_by_name_.resize(tensors_.size());
  std::iota(tensors_by_name_.begin(), tensors_by_name_.end(), 0);
  std::ranges::stable_sort(tensors_by_name_, {}, name);
  const auto twice = std::ranges::adjacent_find(tensors_by_name_, {}, name);
  if (twice == tensors_by_name_.end()) return {};
  const GgufTensor& first = tensors_[*twice];
  const GgufTensor& again = tensors_[*(twice + 1)];
  const std::string_view elsewhere = first.shard == again.shard ? std::string_view("the same file")
                                                                : std::string_view(shards_[first.shard].path);
  return gguf_damaged(shards_[again.shard].path,
                      fmt::format("the tensor '{}' with data at byte {} of {} appears again with data",
                                  printable(again.name), first.file_offset, printable(elsewhere)),
                      again.file_offset);
}

uint64_t GgufFile::file_bytes() const {
  uint64_t sum = 0;
  for (const GgufShard& shard : shards_) sum += shard.bytes.size();
  return sum;
}

const GgufValue* GgufFile::find(std::string_view key) const {
  const auto key_of = [&](uint32_t i) { return entries_[i].key; };
  const auto found = std::ranges::lower_bound(entries_by_key_, key, {}, key_of);
  if (found == entries_by_key_.end() || key_of(*found) != key) return nullptr;
  return &entries_[*found].value;
}

const GgufTensor* GgufFile::find_tensor(std::string_view name) const {
  const auto name_of = [&](uint32_t i) -> std::string_view { return tensors_[i].name; };
  const auto found = std::ranges::lower_bound(tensors_by_name_, name, {}, name_of);
  if (found == tensors_by_name_.end() || name_of(*found) != name) return nullptr;
  return &tensors_[*found];
}

Result<std::optional<uint64_t>> GgufFile::get_uint(std::string_view key) const {
  return typed<uint64_t>(*this, key, "an integer of at least 0", &GgufValue::as_uint);
}
Result<std::optional<int64_t>> GgufFile::get_int(std::string_view key) const {
  return typed<int64_t>(*this, key, "an integer", &GgufValue::as_int);
}
Result<std::optional<double>> GgufFile::get_float(std::string_view key) const {
  return typed<double>(*this, key, "a float", &GgufValue::as_float);
}
Result<std::optional<bool>> GgufFile::get_bool(std::string_view key) const {
  return typed<bool>(*this, key, "a bool", &GgufValue::as_bool);
}
Result<std::optional<std::string_view>> GgufFile::get_string(std::string_view key) const {
  return typed<std::string_view>(*this, key, "a string", &GgufValue::as_string);
}
Result<std::optional<GgufNumbers<uint64_t>>> GgufFile::get_uint_array(std::string_view key) const {
  return typed<GgufNumbers<uint64_t>>(*this, key, "an array of integers of at least 0",
                                      &GgufValue::as_numbers<uint64_t>);
}
Result<std::optional<GgufNumbers<int64_t>>> GgufFile::get_int_array(std::string_view key) const {
  return typed<GgufNumbers<int64_t>>(*this, key, "an array of integers", &GgufValue::as_numbers<int64_t>);
}
Result<std::optional<GgufNumbers<double>>> GgufFile::get_float_array(std::string_view key) const {
  return typed<GgufNumbers<double>>(*this, key, "an array of floats", &GgufValue::as_numbers<double>);
}
Result<std::optional<GgufNumbers<bool>>> GgufFile::get_bool_array(std::string_view key) const {
  return typed<GgufNumbers<bool>>(*this, key, "an array of bools", &GgufValue::as_numbers<bool>);
}
Result<std::optional<GgufStrings>> GgufFile::get_string_array(std::string_view key) const {
  return typed<GgufStrings>(*this, key, "an array of strings", &GgufValue::as_strings);
}

}  // namespace gannet
