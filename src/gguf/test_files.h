// GGUF files made by hand, sound and hostile, for the unit tests and as seeds of the fuzz target. RawGguf
// writes whatever it is told, one field at a time; it shares no code with the writer it helps to test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gannet::gguf_test {

using Bytes = std::vector<std::byte>;

// Numbers of the format, written out because the tests must not take them from the code under test.
enum : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};
enum : uint32_t { kTensorF32 = 0, kTensorF16 = 1, kTensorQ4_0 = 2, kTensorQ8_0 = 8, kTensorQ4_K = 12 };

class RawGguf {
 public:
  RawGguf(uint32_t version, uint64_t n_tensors, uint64_t n_entries) {
    raw("GGUF");
    put(version).put(n_tensors).put(n_entries);
  }

  template <class T>
  RawGguf& put(T value) {
    return append(&value, sizeof(T));
  }
  RawGguf& raw(std::string_view text) { return append(text.data(), text.size()); }
  RawGguf& text(std::string_view text) { return put(uint64_t{text.size()}).raw(text); }

  template <class T>
  RawGguf& entry(std::string_view key, uint32_t type, T value) {
    return text(key).put(type).put(value);
  }
  RawGguf& entry_text(std::string_view key, std::string_view value) {
    return text(key).put(uint32_t{kString}).text(value);
  }
  template <class T>
  RawGguf& entry_array(std::string_view key, uint32_t element, std::initializer_list<T> values) {
    array_head(key, element, values.size());
    for (const T value : values) put(value);
    return *this;
  }
  RawGguf& entry_texts(std::string_view key, std::initializer_list<std::string_view> values) {
    array_head(key, kString, values.size());
    for (const std::string_view value : values) text(value);
    return *this;
  }
  RawGguf& array_head(std::string_view key, uint32_t element, uint64_t count) {
    return text(key).put(uint32_t{kArray}).put(element).put(count);
  }

  // Axes in the file's order, fastest first.
  RawGguf& tensor(std::string_view name, std::initializer_list<uint64_t> ne, uint32_t type, uint64_t offset) {
    text(name).put(static_cast<uint32_t>(ne.size()));
    for (const uint64_t n : ne) put(n);
    return put(type).put(offset);
  }

  RawGguf& zeros(size_t n) {
    bytes_.resize(bytes_.size() + n);
    return *this;
  }
  RawGguf& align(size_t alignment) { return zeros((alignment - bytes_.size() % alignment) % alignment); }

  size_t size() const { return bytes_.size(); }
  const Bytes& bytes() const { return bytes_; }

 private:
  RawGguf& append(const void* data, size_t size) {
    const size_t at = bytes_.size();
    bytes_.resize(at + size);
    if (size > 0) std::memcpy(bytes_.data() + at, data, size);
    return *this;
  }
  Bytes bytes_;
};

// A file, and what GgufFile::parse() must say of it: a part of the error message, or nothing when it must
// load.
struct Case {
  std::string name;
  Bytes bytes;
  std::string expected;
};

// Every case by hand of the format's known traps. Names are unique.
const std::vector<Case>& container_cases();
const Case& container_case(std::string_view name);

// The worked example of the format description: one key, one F32 tensor of 1, 2, 3, 4; 144 bytes.
Bytes worked_example();

// A small sound file with every value type, an array of each, and tensors of several types and ranks.
Bytes rich_file();

// A sound file with one tensor of `type` with `rows` rows of one block each, the blocks filled with `block`.
Bytes one_tensor(uint32_t type, uint64_t block_elems, uint64_t rows, std::span<const std::byte> block);

}  // namespace gannet::gguf_test
