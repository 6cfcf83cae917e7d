#include "gguf/writer.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <type_traits>

#include <fmt/core.h>

#include "base/checked.h"
#include "base/printable.h"

namespace gannet {
namespace {

constexpr std::string_view kAlignmentKey = "general.alignment";

template <class T>
constexpr GgufType type_of() {
  if constexpr (std::is_same_v<T, uint8_t>) return GgufType::kU8;
  if constexpr (std::is_same_v<T, int8_t>) return GgufType::kI8;
  if constexpr (std::is_same_v<T, uint16_t>) return GgufType::kU16;
  if constexpr (std::is_same_v<T, int16_t>) return GgufType::kI16;
  if constexpr (std::is_same_v<T, uint32_t>) return GgufType::kU32;
  if constexpr (std::is_same_v<T, int32_t>) return GgufType::kI32;
  if constexpr (std::is_same_v<T, uint64_t>) return GgufType::kU64;
  if constexpr (std::is_same_v<T, int64_t>) return GgufType::kI64;
  if constexpr (std::is_same_v<T, float>) return GgufType::kF32;
  if constexpr (std::is_same_v<T, double>) return GgufType::kF64;
  if constexpr (std::is_same_v<T, bool>) return GgufType::kBool;
}

void append_bytes(std::string& out, const void* data, size_t size) {
  out.append(static_cast<const char*>(data), size);
}

template <class T>
void append(std::string& out, T value) {
  append_bytes(out, &value, sizeof(T));
}

void append_text(std::string& out, std::string_view text) {
  append<uint64_t>(out, text.size());
  out += text;
}

void append_array_head(std::string& out, GgufType element, uint64_t count) {
  append(out, static_cast<uint32_t>(GgufType::kArray));
  append(out, static_cast<uint32_t>(element));
  append(out, count);
}

Error refuse(std::string_view what) {
  return {ErrorCode::kRuntime, fmt::format("this cannot be stored as GGUF: {}", what)};
}

// The place of a key in the customary order of groups.
int group_of(std::string_view key) {
  if (key == "general.architecture") return 0;
  if (key.starts_with("general.")) return 1;
  if (key.starts_with("tokenizer.")) return 3;
  if (key.starts_with("quantize.")) return 4;
  return 2;
}

Result<void> check_key(std::string_view key) {
  if (key.empty()) return refuse("a key is empty");
  if (key.size() > kGgufMaxKeyBytes)
    return refuse(fmt::format("the key '{}' is longer than {} bytes", printable(key, 40), kGgufMaxKeyBytes));
  if (key.find('\0') != key.npos)
    return refuse(fmt::format("the key '{}' holds a NUL byte", printable(key, 80)));
  return {};
}

// Completes `tensor.bytes`.
Result<void> check_tensor(GgufBuilder::TensorPlace& tensor) {
  const auto bad = [&](std::string_view what) {
    return refuse(fmt::format("the tensor '{}' {}", printable(tensor.name, 80), what));
  };
  if (tensor.name.empty() || tensor.name.size() > kGgufMaxNameBytes ||
      tensor.name.find('\0') != std::string::npos)
    return bad(fmt::format("needs a name of 1 to {} bytes without NUL", kGgufMaxNameBytes));
  const DTypeInfo& info = dtype_info(tensor.dtype);
  if (info.gguf_id < 0) return bad(fmt::format("has the type {}, which no file holds", info.name));
  if (tensor.shape.rank < 1 || tensor.shape.rank > kMaxRank)
    return bad(fmt::format("has {} axes, 1 to {} are possible", tensor.shape.rank, kMaxRank));
  std::optional<uint64_t> elements = 1;
  for (int axis = 0; axis < tensor.shape.rank; ++axis) {
    if (tensor.shape.dim[axis] < 1) return bad("has an axis without elements");
    elements = checked_mul(*elements, static_cast<uint64_t>(tensor.shape.dim[axis]));
    if (!elements || *elements > uint64_t{INT64_MAX}) return bad("has more than 2^63 elements");
  }
  if (tensor.shape.last() % info.block_elems != 0)
    return bad(fmt::format("has rows of {} elements, {} needs a multiple of {}", tensor.shape.last(),
                           info.name, info.block_elems));
  const auto bytes = checked_mul(*elements / static_cast<uint64_t>(info.block_elems),
                                 static_cast<uint64_t>(info.block_bytes));
  if (!bytes) return bad("has more than 2^64 bytes");
  tensor.bytes = *bytes;
  return {};
}

std::vector<std::byte> to_bytes(const std::string& text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

}  // namespace

// The entry of `key` without a value: to be filled by the caller.
GgufBuilder::Entry& GgufBuilder::slot(std::string_view key) {
  const auto [at, added] = position_.try_emplace(std::string(key), entries_.size());
  if (added) entries_.push_back({std::string(key), {}});
  if (key == kAlignmentKey) alignment_ = 0;
  Entry& entry = entries_[at->second];
  entry.bytes.clear();
  entry.text_within_limits = true;
  return entry;
}

template <class T>
void GgufBuilder::set_number(std::string_view key, T value) {
  std::string& out = slot(key).bytes;
  append(out, static_cast<uint32_t>(type_of<T>()));
  append(out, value);
  if constexpr (std::is_same_v<T, uint32_t>)
    if (key == kAlignmentKey) alignment_ = value;
}

void GgufBuilder::set_string(std::string_view key, std::string_view value) {
  Entry& entry = slot(key);
  entry.text_within_limits = value.size() <= kGgufMaxTextBytes;
  append(entry.bytes, static_cast<uint32_t>(GgufType::kString));
  append_text(entry.bytes, value);
}

template <class T>
void GgufBuilder::set_numbers(std::string_view key, std::span<const T> values) {
  std::string& out = slot(key).bytes;
  append_array_head(out, type_of<T>(), values.size());
  append_bytes(out, values.data(), values.size_bytes());
}

#define GANNET_NUMBER_TYPE(T)                                 \
  template void GgufBuilder::set_number(std::string_view, T); \
  template void GgufBuilder::set_numbers(std::string_view, std::span<const T>);
GANNET_NUMBER_TYPE(uint8_t)
GANNET_NUMBER_TYPE(int8_t)
GANNET_NUMBER_TYPE(uint16_t)
GANNET_NUMBER_TYPE(int16_t)
GANNET_NUMBER_TYPE(uint32_t)
GANNET_NUMBER_TYPE(int32_t)
GANNET_NUMBER_TYPE(uint64_t)
GANNET_NUMBER_TYPE(int64_t)
GANNET_NUMBER_TYPE(float)
GANNET_NUMBER_TYPE(double)
GANNET_NUMBER_TYPE(bool)
#undef GANNET_NUMBER_TYPE

void GgufBuilder::set_strings(std::string_view key, std::span<const std::string_view> values) {
  Entry& entry = slot(key);
  append_array_head(entry.bytes, GgufType::kString, values.size());
  for (const std::string_view text : values) {
    if (text.size() > kGgufMaxElementBytes) entry.text_within_limits = false;
    append_text(entry.bytes, text);
  }
}

void GgufBuilder::set_strings(std::string_view key, std::span<const std::string> values) {
  const std::vector<std::string_view> views(values.begin(), values.end());
  set_strings(key, views);
}

void GgufBuilder::copy(std::string_view key, const GgufValue& value) {
  if (value.type == GgufType::kU32) return set_u32(key, static_cast<uint32_t>(*value.as_uint()));
  if (value.type == GgufType::kString) return set_string(key, *value.as_string());
  std::string& out = slot(key).bytes;
  if (value.is_array())
    append_array_head(out, value.element_type, value.count);
  else
    append(out, static_cast<uint32_t>(value.type));
  append_bytes(out, value.bytes.data(), value.bytes.size());
}

void GgufBuilder::copy_all(const GgufFile& file, std::string_view prefix) {
  for (const GgufEntry& entry : file.entries())
    if (entry.key.starts_with(prefix) && !entry.key.starts_with("split.")) copy(entry.key, entry.value);
}

void GgufBuilder::add_tensor(std::string name, DType dtype, const Shape& shape) {
  tensors_.push_back({std::move(name), dtype, shape, 0, 0});
}

Result<GgufBuilder::Layout> GgufBuilder::layout() const {
  Layout out;
  out.alignment = alignment_;
  if (alignment_ == 0 || (alignment_ & (alignment_ - 1)) != 0 || alignment_ > kGgufMaxAlignment)
    return refuse(
        fmt::format("'{}' must be a u32, a power of two of at most {}", kAlignmentKey, kGgufMaxAlignment));
  if (entries_.size() > kGgufMaxEntries || tensors_.size() > kGgufMaxTensors)
    return refuse(fmt::format("{} metadata entries and {} tensors, the limits are {} and {}", entries_.size(),
                              tensors_.size(), kGgufMaxEntries, kGgufMaxTensors));

  std::string head = "GGUF";
  append<uint32_t>(head, 3);
  append<uint64_t>(head, tensors_.size());
  append<uint64_t>(head, entries_.size());
  std::vector<const Entry*> ordered;
  for (const Entry& entry : entries_) ordered.push_back(&entry);
  std::ranges::stable_sort(ordered, {}, [](const Entry* entry) { return group_of(entry->key); });
  for (const Entry* entry : ordered) {
    GANNET_TRY(check_key(entry->key));
    if (!entry->text_within_limits)
      return refuse(fmt::format("a text of the key '{}' is too long", printable(entry->key, 80)));
    append_text(head, entry->key);
    head += entry->bytes;
  }

  std::set<std::string_view> names;
  uint64_t offset = 0;
  for (TensorPlace tensor : tensors_) {
    GANNET_TRY(check_tensor(tensor));
    tensor.offset = offset;
    append_text(head, tensor.name);
    append(head, static_cast<uint32_t>(tensor.shape.rank));
    for (int axis = tensor.shape.rank - 1; axis >= 0; --axis)  // the file counts axes from the fastest
      append(head, static_cast<uint64_t>(tensor.shape.dim[axis]));
    append(head, static_cast<uint32_t>(dtype_info(tensor.dtype).gguf_id));
    append(head, offset);
    const auto end = checked_add(offset, tensor.bytes);
    const auto next = end ? checked_align(*end, alignment_) : std::nullopt;
    if (!next || *next > uint64_t{INT64_MAX}) return refuse("the tensors together exceed 2^63 bytes");
    offset = *next;
    out.tensors.push_back(std::move(tensor));
  }
  for (const TensorPlace& tensor : tensors_)
    if (!names.insert(tensor.name).second)
      return refuse(fmt::format("the tensor '{}' appears twice", printable(tensor.name)));
  if (!tensors_.empty()) head.resize((head.size() + alignment_ - 1) & ~(alignment_ - 1));
  out.header = to_bytes(head);
  out.file_bytes = out.header.size() + offset;
  return out;
}

Result<GgufWriter> GgufWriter::create(const std::string& path, const GgufBuilder& builder) {
  GgufBuilder::Layout layout = GANNET_TRY(builder.layout());
  AtomicFile file = GANNET_TRY(AtomicFile::create(path, layout.file_bytes));
  GANNET_TRY(file.write(layout.header));
  return GgufWriter(std::move(file), std::move(layout));
}

Result<void> GgufWriter::write_part(std::string_view name, std::span<const std::byte> bytes) {
  GANNET_CHECK(next_ < layout_.tensors.size(), "all tensors are written");
  const GgufBuilder::TensorPlace& tensor = layout_.tensors[next_];
  GANNET_CHECK(tensor.name == name, tensor.name.c_str());
  GANNET_CHECK(bytes.size() <= tensor.bytes - written_, tensor.name.c_str());
  GANNET_TRY(file_.write(bytes));
  written_ += bytes.size();
  if (written_ < tensor.bytes) return {};
  constexpr std::byte kZeros[kGgufMaxAlignment] = {};
  const uint64_t padding = -written_ & (layout_.alignment - 1);
  GANNET_TRY(file_.write(kZeros, padding));
  written_ = 0;
  ++next_;
  return {};
}

Result<void> GgufWriter::write_tensor(std::string_view name, std::span<const std::byte> bytes) {
  GANNET_CHECK(
      written_ == 0 && next_ < layout_.tensors.size() && bytes.size() == layout_.tensors[next_].bytes,
      "the bytes of a whole tensor");
  return write_part(name, bytes);
}

Result<void> GgufWriter::finish() {
  GANNET_CHECK(next_ == layout_.tensors.size(), "every tensor is written");
  return file_.commit();
}

}  // namespace gannet
