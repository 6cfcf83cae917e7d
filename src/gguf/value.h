// Metadata values of a GGUF file: a type tag and a window into the file's bytes. Values are unaligned in the
// file and are read by copying; nothing is converted until it is asked for, so opening a file with a
// vocabulary of 250,000 texts allocates nothing per text. A value knows neither its key nor its file and must
// not outlive the bytes it looks at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"

namespace gannet {

// The numbers are the file's.
enum class GgufType : uint32_t {
  kU8 = 0,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64,
};
inline constexpr uint32_t kGgufTypeCount = 13;

// "u8", "f32", "string", ...
std::string_view gguf_type_name(GgufType type);

// Bytes of one value of fixed size; 0 for strings and arrays.
size_t gguf_type_bytes(GgufType type);

bool gguf_type_is_integer(GgufType type);

// One number out of `type`-typed bytes. T is uint64_t or int64_t (integer types whose value fits), double
// (f32, f64) or bool (any non-zero byte is true); empty when the type or the value does not fit.
template <class T>
std::optional<T> gguf_number(GgufType type, const std::byte* at);
template <>
std::optional<uint64_t> gguf_number(GgufType type, const std::byte* at);
template <>
std::optional<int64_t> gguf_number(GgufType type, const std::byte* at);
template <>
std::optional<double> gguf_number(GgufType type, const std::byte* at);
template <>
std::optional<bool> gguf_number(GgufType type, const std::byte* at);

// A view of `size()` numbers converted one by one on access. GgufFile's getters make these only after every
// element was seen to fit T, so element access cannot fail.
template <class T>
class GgufNumbers {
 public:
  GgufNumbers() = default;
  GgufNumbers(GgufType type, std::span<const std::byte> bytes)
      : type_(type), step_(gguf_type_bytes(type)), bytes_(bytes) {}

  size_t size() const { return step_ == 0 ? 0 : bytes_.size() / step_; }
  bool empty() const { return size() == 0; }
  T operator[](size_t i) const {
    GANNET_CHECK(i < size(), "array index");
    return *gguf_number<T>(type_, bytes_.data() + i * step_);
  }

  class Iterator {
   public:
    Iterator(const GgufNumbers* numbers, size_t i) : numbers_(numbers), i_(i) {}
    T operator*() const { return (*numbers_)[i_]; }
    Iterator& operator++() {
      ++i_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return i_ != other.i_; }

   private:
    const GgufNumbers* numbers_;
    size_t i_;
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }

 private:
  GgufType type_ = GgufType::kU8;
  size_t step_ = 0;
  std::span<const std::byte> bytes_;
};

// A view of an array of strings, walked front to back (each text begins where the one before ends).
// to_vector() makes the table for random access. The reader has proved every length, so walking cannot fail.
class GgufStrings {
 public:
  GgufStrings() = default;
  GgufStrings(uint64_t count, std::span<const std::byte> bytes) : count_(count), bytes_(bytes) {}

  size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  std::vector<std::string_view> to_vector() const;

  class Iterator {
   public:
    Iterator(uint64_t left, std::span<const std::byte> rest) : left_(left), rest_(rest) {}
    std::string_view operator*() const;
    Iterator& operator++();
    bool operator!=(const Iterator& other) const { return left_ != other.left_; }

   private:
    uint64_t left_;  // texts from here to the end
    std::span<const std::byte> rest_;
  };
  Iterator begin() const { return {count_, bytes_}; }
  Iterator end() const { return {0, {}}; }

 private:
  uint64_t count_ = 0;
  std::span<const std::byte> bytes_;
};

// One value. `bytes` is the payload: the number, the text of a string (without its length), or the packed
// elements of an array (strings with their lengths).
struct GgufValue {
  GgufType type = GgufType::kU8;
  GgufType element_type = GgufType::kU8;  // of arrays
  uint64_t count = 1;                     // elements of an array, 1 for everything else
  std::span<const std::byte> bytes;
  uint64_t file_offset = 0;  // of `bytes`, for messages

  bool is_array() const { return type == GgufType::kArray; }

  // Empty when the value has another type or does not fit.
  std::optional<uint64_t> as_uint() const { return gguf_number<uint64_t>(type, bytes.data()); }
  std::optional<int64_t> as_int() const { return gguf_number<int64_t>(type, bytes.data()); }
  std::optional<double> as_float() const { return gguf_number<double>(type, bytes.data()); }
  std::optional<bool> as_bool() const { return gguf_number<bool>(type, bytes.data()); }
  std::optional<std::string_view> as_string() const;
  std::optional<GgufStrings> as_strings() const;
  // An array of T (see gguf_number), every element checked.
  template <class T>
  std::optional<GgufNumbers<T>> as_numbers() const;

  // "u32", "string[151936]".
  std::string type_text() const;

  // The value on one line: numbers as they are, text in quotes and escaped, `text_limit` bytes of it, arrays
  // cut after `array_limit` elements: ["a", "b", ... +151934].
  std::string text(size_t text_limit = 80, size_t array_limit = 8) const;
};

}  // namespace gannet
