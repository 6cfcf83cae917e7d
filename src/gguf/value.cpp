#include "gguf/value.h"

#include <bit>
#include <cstring>
#include <iterator>
#include <limits>
#include <type_traits>

#include <fmt/core.h>

#include "base/printable.h"

namespace gannet {
namespace {

static_assert(std::endian::native == std::endian::little,
              "GGUF numbers are read in place, lowest byte first");

struct TypeRow {
  std::string_view name;
  size_t bytes;
  bool integer;
};
constexpr TypeRow kTypes[kGgufTypeCount] = {
    {"u8", 1, true},  {"i8", 1, true},   {"u16", 2, true},   {"i16", 2, true},     {"u32", 4, true},
    {"i32", 4, true}, {"f32", 4, false}, {"bool", 1, false}, {"string", 0, false}, {"array", 0, false},
    {"u64", 8, true}, {"i64", 8, true},  {"f64", 8, false},
};

const TypeRow& row(GgufType type) {
  const auto id = static_cast<uint32_t>(type);
  GANNET_CHECK(id < kGgufTypeCount, "GGUF value type");
  return kTypes[id];
}

template <class T>
T copy(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

// Any integer type as two's complement bits with its sign known.
struct Integer {
  uint64_t bits;
  bool negative;
};

template <class T>
Integer integer_of(const std::byte* at) {
  const T value = copy<T>(at);
  if constexpr (std::is_signed_v<T>) return {static_cast<uint64_t>(static_cast<int64_t>(value)), value < 0};
  return {static_cast<uint64_t>(value), false};
}

std::optional<Integer> read_integer(GgufType type, const std::byte* at) {
  switch (type) {
    case GgufType::kU8:
      return integer_of<uint8_t>(at);
    case GgufType::kI8:
      return integer_of<int8_t>(at);
    case GgufType::kU16:
      return integer_of<uint16_t>(at);
    case GgufType::kI16:
      return integer_of<int16_t>(at);
    case GgufType::kU32:
      return integer_of<uint32_t>(at);
    case GgufType::kI32:
      return integer_of<int32_t>(at);
    case GgufType::kU64:
      return integer_of<uint64_t>(at);
    case GgufType::kI64:
      return integer_of<int64_t>(at);
    default:
      return std::nullopt;
  }
}

void append_scalar(std::string& out, GgufType type, const std::byte* at) {
  auto to = std::back_inserter(out);
  if (const auto integer = read_integer(type, at)) {
    if (integer->negative)
      fmt::format_to(to, "{}", static_cast<int64_t>(integer->bits));
    else
      fmt::format_to(to, "{}", integer->bits);
  } else if (type == GgufType::kF32) {
    fmt::format_to(to, "{}", copy<float>(at));
  } else if (type == GgufType::kF64) {
    fmt::format_to(to, "{}", copy<double>(at));
  } else {
    out += *gguf_number<bool>(type, at) ? "true" : "false";
  }
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::string_view gguf_type_name(GgufType type) {
  return row(type).name;
}
size_t gguf_type_bytes(GgufType type) {
  return row(type).bytes;
}
bool gguf_type_is_integer(GgufType type) {
  return row(type).integer;
}

template <>
std::optional<uint64_t> gguf_number(GgufType type, const std::byte* at) {
  const auto integer = read_integer(type, at);
  if (!integer || integer->negative) return std::nullopt;
  return integer->bits;
}

template <>
std::optional<int64_t> gguf_number(GgufType type, const std::byte* at) {
  const auto integer = read_integer(type, at);
  if (!integer) return std::nullopt;
  constexpr auto kLargest = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (!integer->negative && integer->bits > kLargest) return std::nullopt;
  return static_cast<int64_t>(integer->bits);
}

template <>
std::optional<double> gguf_number(GgufType type, const std::byte* at) {
  if (type == GgufType::kF32) return copy<float>(at);
  if (type == GgufType::kF64) return copy<double>(at);
  return std::nullopt;
}

template <>
std::optional<bool> gguf_number(GgufType type, const std::byte* at) {
  if (type != GgufType::kBool) return std::nullopt;
  return copy<uint8_t>(at) != 0;
}

std::string_view GgufStrings::Iterator::operator*() const {
  GANNET_CHECK(left_ > 0, "string array index");
  return as_text(rest_.subspan(8, copy<uint64_t>(rest_.data())));
}

GgufStrings::Iterator& GgufStrings::Iterator::operator++() {
  GANNET_CHECK(left_ > 0, "string array index");
  rest_ = rest_.subspan(8 + copy<uint64_t>(rest_.data()));
  --left_;
  return *this;
}

std::vector<std::string_view> GgufStrings::to_vector() const {
  std::vector<std::string_view> texts;
  texts.reserve(count_);
  for (const std::string_view text : *this) texts.push_back(text);
  return texts;
}

std::optional<std::string_view> GgufValue::as_string() const {
  if (type != GgufType::kString) return std::nullopt;
  return as_text(bytes);
}

std::optional<GgufStrings> GgufValue::as_strings() const {
  if (!is_array() || element_type != GgufType::kString) return std::nullopt;
  return GgufStrings(count, bytes);
}

template <class T>
std::optional<GgufNumbers<T>> GgufValue::as_numbers() const {
  if (!is_array() || element_type == GgufType::kString) return std::nullopt;
  const size_t step = gguf_type_bytes(element_type);
  for (uint64_t i = 0; i < count; ++i)
    if (!gguf_number<T>(element_type, bytes.data() + i * step)) return std::nullopt;
  // An empty array has no element whose type could be wrong, but the declared one still must suit T.
  if (count == 0) {
    constexpr std::byte kZero[8] = {};
    if (!gguf_number<T>(element_type, kZero)) return std::nullopt;
  }
  return GgufNumbers<T>(element_type, bytes);
}
template std::optional<GgufNumbers<uint64_t>> GgufValue::as_numbers() const;
template std::optional<GgufNumbers<int64_t>> GgufValue::as_numbers() const;
template std::optional<GgufNumbers<double>> GgufValue::as_numbers() const;
template std::optional<GgufNumbers<bool>> GgufValue::as_numbers() const;

std::string GgufValue::type_text() const {
  if (!is_array()) return std::string(gguf_type_name(type));
  return fmt::format("{}[{}]", gguf_type_name(element_type), count);
}

std::string GgufValue::text(size_t text_limit, size_t array_limit) const {
  std::string out;
  if (const auto string = as_string()) return '"' + printable(*string, text_limit) + '"';
  if (!is_array()) {
    append_scalar(out, type, bytes.data());
    return out;
  }
  out += '[';
  const uint64_t shown = count < array_limit ? count : array_limit;
  if (const auto strings = as_strings()) {
    auto at = strings->begin();
    for (uint64_t i = 0; i < shown; ++i, ++at) {
      out += i == 0 ? "\"" : ", \"";
      out += printable(*at, text_limit);
      out += '"';
    }
  } else {
    for (uint64_t i = 0; i < shown; ++i) {
      if (i > 0) out += ", ";
      append_scalar(out, element_type, bytes.data() + i * gguf_type_bytes(element_type));
    }
  }
  if (shown < count)
    fmt::format_to(std::back_inserter(out), "{}... +{}", shown > 0 ? ", " : "", count - shown);
  out += ']';
  return out;
}

}  // namespace gannet
