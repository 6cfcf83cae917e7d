#include "gguf/container.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

#include <fmt/core.h>

#include "base/checked.h"
#include "base/printable.h"

namespace gannet {
namespace {

// The smallest thing a count may stand for; a count beyond what the remaining bytes could hold is refused
// before any memory is set aside for it.
constexpr uint64_t kHeaderBytes = 24;
constexpr uint64_t kLeastEntryBytes = 8 + 1 + 4 + 1;  // key length, key, type, value
constexpr uint64_t kLeastTensorBytes =
    8 + 1 + 4 + 8 + 4 + 8;  // name length, name, rank, one axis, type, offset

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class Parser {
 public:
  Parser(std::span<const std::byte> bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  Result<GgufContainer> run() {
    GANNET_TRY(read_header());
    GANNET_TRY(read_entries());
    GANNET_TRY(index_entries());
    GANNET_TRY(read_alignment());
    GANNET_TRY(read_tensors());
    GANNET_TRY(place_tensors());
    return std::move(out_);
  }

 private:
  uint64_t remaining() const { return bytes_.size() - at_; }
  Error damaged(uint64_t offset, std::string_view what) const { return gguf_damaged(name_, what, offset); }
  Error cut_short(std::string_view what) const {
    return damaged(at_, fmt::format("the file ends inside {}", what));
  }

  // What is being read, for messages. Built only when there is something to say.
  std::string entry_label(uint64_t i) const {
    return fmt::format("metadata entry {} of {}", i + 1, n_entries_);
  }
  std::string tensor_label(uint64_t i) const {
    return fmt::format("tensor info {} of {}", i + 1, n_tensors_);
  }
  static std::string quoted(std::string_view text) { return fmt::format("'{}'", printable(text, 80)); }

  template <class T>
  bool read(T& value) {
    if (remaining() < sizeof(T)) return false;
    std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return true;
  }

  // Steps over a sound string; false, without a step, when something is wrong. Vocabularies have 500,000 of
  // them.
  bool skip_string(uint64_t limit) {
    uint64_t length = 0;
    if (remaining() < sizeof(length)) return false;
    std::memcpy(&length, bytes_.data() + at_, sizeof(length));
    if (length > remaining() - sizeof(length) || length > limit) return false;
    at_ += sizeof(length) + length;
    return true;
  }

  // A length and that many bytes. `label` is called for messages only.
  template <class Label>
  Result<std::span<const std::byte>> read_string(uint64_t limit, Label label) {
    const uint64_t start = at_;
    uint64_t length = 0;
    if (!read(length)) return cut_short(fmt::format("the length of {}", label()));
    if (length > remaining())
      return damaged(start, fmt::format("{} claims {} bytes and {} are left", label(), length, remaining()));
    if (length > limit)
      return gguf_unsupported(name_, fmt::format("{} has {} bytes, the limit is {}", label(), length, limit),
                              start, "use another file");
    const auto text = bytes_.subspan(at_, length);
    at_ += length;
    return text;
  }

  Result<void> read_header();
  Result<void> read_entries();
  Result<void> read_value(std::string_view key, GgufValue& value);
  Result<void> read_array(std::string_view key, GgufValue& value);
  Result<void> index_entries();
  Result<void> read_alignment();
  Result<void> read_tensors();
  Result<void> read_tensor(uint64_t i);
  Result<void> place_tensors();

  std::span<const std::byte> bytes_;
  const std::string& name_;
  uint64_t at_ = 0;
  uint64_t n_entries_ = 0;
  uint64_t n_tensors_ = 0;
  GgufContainer out_;
  // What place_tensors() needs of each tensor: its size, and for messages where its offset field stands.
  struct Pending {
    uint64_t bytes;
    uint64_t offset_at;
  };
  std::vector<Pending> pending_;
  uint64_t data_bytes_ = 0;  // running end of the tensors read so far, relative to the data section
};

Result<void> Parser::read_header() {
  if (bytes_.size() >= 4 && std::memcmp(bytes_.data(), "GGUF", 4) != 0)
    return Error(
        ErrorCode::kModelFile,
        fmt::format("{}: not a GGUF file: it begins with \"{}\" instead of \"GGUF\" at byte 0; name a .gguf "
                    "file (web pages and Git LFS pointers are often saved in its place)",
                    name_, printable(text_of(bytes_.first(4)))));
  if (bytes_.size() < kHeaderBytes)
    return damaged(bytes_.size(), fmt::format("the file has {} bytes and ends inside the {}-byte header",
                                              bytes_.size(), kHeaderBytes));
  uint32_t version = 0;
  at_ = 4;
  read(version);
  if (version != 0 && (version & 0xFFFF) == 0)
    return gguf_unsupported(name_, "big-endian GGUF", 4, "use the little-endian file");
  if (version != 2 && version != 3)
    return gguf_unsupported(name_, fmt::format("version {} (2 and 3 can be read)", version), 4,
                            "convert the model again with a current tool");
  out_.layout.version = version;
  read(n_tensors_);
  read(n_entries_);
  if (n_entries_ > remaining() / kLeastEntryBytes)
    return damaged(16,
                   fmt::format("{} metadata entries do not fit the {} bytes left", n_entries_, remaining()));
  if (n_tensors_ > remaining() / kLeastTensorBytes)
    return damaged(8, fmt::format("{} tensors do not fit the {} bytes left", n_tensors_, remaining()));
  if (n_entries_ > kGgufMaxEntries)
    return gguf_unsupported(name_,
                            fmt::format("{} metadata entries, the limit is {}", n_entries_, kGgufMaxEntries),
                            16, "use another file");
  if (n_tensors_ > kGgufMaxTensors)
    return gguf_unsupported(name_, fmt::format("{} tensors, the limit is {}", n_tensors_, kGgufMaxTensors), 8,
                            "use another file");
  return {};
}

Result<void> Parser::read_entries() {
  out_.entries.reserve(n_entries_);
  for (uint64_t i = 0; i < n_entries_; ++i) {
    const uint64_t start = at_;
    const auto key =
        text_of(GANNET_TRY(read_string(kGgufMaxKeyBytes, [&] { return "the key of " + entry_label(i); })));
    if (key.empty()) return damaged(start, fmt::format("{} has an empty key", entry_label(i)));
    if (key.find('\0') != key.npos)
      return damaged(start, fmt::format("the key {} holds a NUL byte", quoted(key)));
    GgufEntry entry = {key, {}};
    GANNET_TRY(read_value(key, entry.value));
    out_.entries.push_back(entry);
  }
  return {};
}

Result<void> Parser::read_value(std::string_view key, GgufValue& value) {
  const auto label = [&] { return "the value of " + quoted(key); };
  uint32_t type = 0;
  const uint64_t type_at = at_;
  if (!read(type)) return cut_short("the value type of " + quoted(key));
  if (type >= kGgufTypeCount)
    return damaged(type_at, fmt::format("{} has the unknown value type {}", quoted(key), type));
  value.type = static_cast<GgufType>(type);
  if (value.type == GgufType::kArray) return read_array(key, value);
  if (value.type == GgufType::kString) {
    value.bytes = GANNET_TRY(read_string(kGgufMaxTextBytes, label));
    value.file_offset = at_ - value.bytes.size();
    return {};
  }
  const size_t size = gguf_type_bytes(value.type);
  if (size > remaining()) return cut_short(label());
  value.file_offset = at_;
  value.bytes = bytes_.subspan(at_, size);
  at_ += size;
  return {};
}

Result<void> Parser::read_array(std::string_view key, GgufValue& value) {
  const uint64_t start = at_;
  uint32_t type = 0;
  if (!read(type) || !read(value.count)) return cut_short("the array header of " + quoted(key));
  if (type >= kGgufTypeCount)
    return damaged(start, fmt::format("the array {} has the unknown element type {}", quoted(key), type));
  value.element_type = static_cast<GgufType>(type);
  if (value.element_type == GgufType::kArray)
    return gguf_unsupported(name_, fmt::format("the array {} holds arrays", quoted(key)), start,
                            "no published model needs it; use another file");
  const bool strings = value.element_type == GgufType::kString;
  const uint64_t least = strings ? 8 : gguf_type_bytes(value.element_type);
  if (value.count > remaining() / least)
    return damaged(start + 4,
                   fmt::format("the array {} claims {} elements of type {} and {} bytes are left",
                               quoted(key), value.count, gguf_type_name(value.element_type), remaining()));
  if (value.count > kGgufMaxArray)
    return gguf_unsupported(
        name_,
        fmt::format("the array {} has {} elements, the limit is {}", quoted(key), value.count, kGgufMaxArray),
        start + 4, "use another file");
  value.file_offset = at_;
  if (strings) {
    for (uint64_t i = 0; i < value.count; ++i) {
      if (skip_string(kGgufMaxElementBytes)) continue;
      GANNET_TRY(read_string(kGgufMaxElementBytes,
                             [&] { return fmt::format("element {} of the array {}", i, quoted(key)); }));
    }
  } else {
    at_ += value.count * least;
  }
  value.bytes = bytes_.subspan(value.file_offset, at_ - value.file_offset);
  return {};
}

// Sorted rather than hashed: file contents cannot make sorting quadratic.
Result<void> Parser::index_entries() {
  const auto key = [&](uint32_t i) { return out_.entries[i].key; };
  out_.by_key.resize(out_.entries.size());
  std::iota(out_.by_key.begin(), out_.by_key.end(), 0);
  std::ranges::stable_sort(out_.by_key, {}, key);
  const auto twice = std::ranges::adjacent_find(out_.by_key, {}, key);
  if (twice == out_.by_key.end()) return {};
  const std::string_view again = key(*(twice + 1));
  const auto position = reinterpret_cast<const std::byte*>(again.data()) - bytes_.data();
  return damaged(static_cast<uint64_t>(position), fmt::format("the key {} appears twice", quoted(again)));
}

Result<void> Parser::read_alignment() {
  const auto key = [&](uint32_t i) { return out_.entries[i].key; };
  const std::string_view wanted = "general.alignment";
  const auto found = std::ranges::lower_bound(out_.by_key, wanted, {}, key);
  if (found == out_.by_key.end() || key(*found) != wanted) return {};
  const GgufValue& value = out_.entries[*found].value;
  if (value.type != GgufType::kU32)
    return damaged(value.file_offset,
                   fmt::format("'general.alignment' is {}, u32 was expected", value.type_text()));
  const uint64_t alignment = *value.as_uint();
  if (alignment == 0 || (alignment & (alignment - 1)) != 0 || alignment > kGgufMaxAlignment)
    return damaged(value.file_offset,
                   fmt::format("'general.alignment' is {}, not a power of two of at most {}", alignment,
                               kGgufMaxAlignment));
  out_.layout.alignment = alignment;
  return {};
}

Result<void> Parser::read_tensors() {
  out_.tensors.reserve(n_tensors_);
  pending_.reserve(n_tensors_);
  for (uint64_t i = 0; i < n_tensors_; ++i) GANNET_TRY(read_tensor(i));
  return {};
}

Result<void> Parser::read_tensor(uint64_t i) {
  const uint64_t start = at_;
  GgufTensor tensor;
  tensor.name =
      text_of(GANNET_TRY(read_string(kGgufMaxNameBytes, [&] { return "the name in " + tensor_label(i); })));
  if (tensor.name.empty()) return damaged(start, fmt::format("{} has an empty name", tensor_label(i)));
  if (tensor.name.find('\0') != tensor.name.npos)
    return damaged(start, fmt::format("the tensor name {} holds a NUL byte", quoted(tensor.name)));
  const auto label = [&] { return "tensor " + quoted(tensor.name); };

  const uint64_t rank_at = at_;
  uint32_t rank = 0;
  if (!read(rank)) return cut_short(label());
  if (rank < 1 || rank > static_cast<uint32_t>(kMaxRank))
    return damaged(rank_at,
                   fmt::format("{} has {} dimensions, 1 to {} are possible", label(), rank, kMaxRank));
  const uint64_t dims_at = at_;
  uint64_t ne[kMaxRank] = {};  // in the file's order: fastest first
  uint64_t elements = 1;
  tensor.shape.rank = static_cast<int32_t>(rank);
  for (uint32_t axis = 0; axis < rank; ++axis) {
    const uint64_t axis_at = at_;
    if (!read(ne[axis])) return cut_short(label());
    if (ne[axis] == 0) return damaged(axis_at, fmt::format("{} has a dimension of 0", label()));
    const auto product = checked_mul(elements, ne[axis]);
    if (!product || *product > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      return damaged(axis_at, fmt::format("the element count of {} exceeds 2^63", label()));
    elements = *product;
    tensor.shape.dim[rank - 1 - axis] = static_cast<int64_t>(ne[axis]);
  }

  const uint64_t type_at = at_;
  uint32_t type = 0;
  uint64_t offset = 0;
  if (!read(type)) return cut_short(label());
  const auto dtype = dtype_from_gguf(type);
  if (!dtype)
    return gguf_unsupported(name_, fmt::format("{} has the unknown type number {}", label(), type), type_at,
                            "use a file of another quantisation");
  tensor.dtype = *dtype;
  const DTypeInfo& info = dtype_info(*dtype);
  if (ne[0] % static_cast<uint64_t>(info.block_elems) != 0)
    return damaged(dims_at, fmt::format("{} has rows of {} elements, {} needs a multiple of {}", label(),
                                        ne[0], info.name, info.block_elems));
  // Divided before it is multiplied: blocks never cross rows, and the division is exact.
  const auto size = checked_mul(elements / static_cast<uint64_t>(info.block_elems),
                                static_cast<uint64_t>(info.block_bytes));
  if (!size) return damaged(dims_at, fmt::format("the byte size of {} exceeds 2^64", label()));

  const uint64_t offset_at = at_;
  if (!read(offset)) return cut_short(label());
  if (offset % out_.layout.alignment != 0)
    return damaged(offset_at, fmt::format("{} has the offset {}, not a multiple of {}", label(), offset,
                                          out_.layout.alignment));
  if (offset != data_bytes_)
    return damaged(offset_at,
                   fmt::format("{} has the offset {}, {} follows from the tensors before it ({})", label(),
                               offset, data_bytes_, offset < data_bytes_ ? "overlap" : "hole"));
  const auto end = checked_add(offset, *size);
  const auto next = end ? checked_align(*end, out_.layout.alignment) : std::nullopt;
  if (!next) return damaged(dims_at, fmt::format("the data of {} ends beyond 2^64", label()));
  data_bytes_ = *next;

  tensor.file_offset = offset;  // relative until the data section is placed
  pending_.push_back({*size, offset_at});
  out_.tensors.push_back(std::move(tensor));
  return {};
}

Result<void> Parser::place_tensors() {
  GgufShard& layout = out_.layout;
  layout.bytes = bytes_;
  layout.n_tensors = out_.tensors.size();
  layout.header_end = layout.data_start = at_;
  if (out_.tensors.empty()) return {};
  layout.data_start =
      (at_ + layout.alignment - 1) & ~(layout.alignment - 1);  // at_ <= file size: cannot wrap
  const uint64_t available = bytes_.size() < layout.data_start ? 0 : bytes_.size() - layout.data_start;
  for (size_t i = 0; i < out_.tensors.size(); ++i) {
    GgufTensor& tensor = out_.tensors[i];
    const uint64_t size = pending_[i].bytes;
    if (tensor.file_offset > available || size > available - tensor.file_offset)
      return damaged(
          pending_[i].offset_at,
          fmt::format("the file is cut short: tensor {} has {} bytes at offset {} of the data section, "
                      "which holds {}",
                      quoted(tensor.name), size, tensor.file_offset, available));
    tensor.file_offset += layout.data_start;
    tensor.data = bytes_.subspan(tensor.file_offset, size);
  }
  return {};
}

}  // namespace

Error gguf_damaged(const std::string& path, std::string_view what, uint64_t offset) {
  return {ErrorCode::kModelFile,
          fmt::format("{}: damaged GGUF: {} at byte {}; download the file again", path, what, offset)};
}

Error gguf_unsupported(const std::string& path, std::string_view what, uint64_t offset,
                       std::string_view remedy) {
  return {ErrorCode::kModelFile,
          fmt::format("{}: unsupported GGUF: {} at byte {}; {}", path, what, offset, remedy)};
}

Result<GgufContainer> parse_container(std::span<const std::byte> bytes, const std::string& name) {
  return Parser(bytes, name).run();
}

}  // namespace gannet
