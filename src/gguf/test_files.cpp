#include "gguf/test_files.h"

#include <cstdio>
#include <cstdlib>

namespace gannet::gguf_test {
namespace {

constexpr uint64_t kHuge = ~uint64_t{0};

// A header for one tensor and no metadata: the first tensor info begins at byte 24.
RawGguf one_info() {
  return RawGguf(3, 1, 0);
}
// A header for one entry and no tensors: the first key begins at byte 24.
RawGguf one_entry() {
  return RawGguf(3, 0, 1);
}

// One tensor of four F32 in a file whose alignment is `value`, stored as `type`.
template <class T>
Bytes aligned_file(uint32_t type, T value, size_t real_alignment) {
  return RawGguf(3, 1, 1)
      .entry("general.alignment", type, value)
      .tensor("a", {4}, kTensorF32, 0)
      .align(real_alignment)
      .zeros(16)
      .bytes();
}

// Two tensors of four F32 (16 bytes, so the second belongs at 32), the second at `offset`.
Bytes second_at(uint64_t offset) {
  return RawGguf(3, 2, 0)
      .tensor("a", {4}, kTensorF32, 0)
      .tensor("b", {4}, kTensorF32, offset)
      .align(32)
      .zeros(128)
      .bytes();
}

// One tensor with enough data behind it that nothing but its info can be wrong.
Bytes shaped(std::initializer_list<uint64_t> ne, uint32_t type) {
  return one_info().tensor("w", ne, type, 0).align(32).zeros(4096).bytes();
}

Bytes first_bytes(const RawGguf& file, size_t n) {
  return {file.bytes().begin(), file.bytes().begin() + n};
}

Bytes web_page() {
  const std::string_view text = "<!DOCTYPE html><html><body>404</body></html>";
  const auto* at = reinterpret_cast<const std::byte*>(text.data());
  return {at, at + text.size()};
}

std::vector<Case> header_cases() {
  return {
      {"empty", {}, "the file has 0 bytes and ends inside the 24-byte header at byte 0"},
      {"magic_only", first_bytes(RawGguf(3, 0, 0), 4), "ends inside the 24-byte header at byte 4"},
      {"header_of_23", first_bytes(RawGguf(3, 0, 0), 23), "ends inside the 24-byte header at byte 23"},
      {"web_page", web_page(), "begins with \"<!DO\" instead of \"GGUF\" at byte 0"},
      {"minimal_v3", RawGguf(3, 0, 0).bytes(), ""},
      {"minimal_v2", RawGguf(2, 0, 0).bytes(), ""},
      {"version_0", RawGguf(0, 0, 0).bytes(), "version 0 (2 and 3 can be read) at byte 4"},
      {"version_1", RawGguf(1, 0, 0).bytes(), "version 1 (2 and 3 can be read) at byte 4"},
      {"version_4", RawGguf(4, 0, 0).bytes(), "version 4 (2 and 3 can be read) at byte 4"},
      {"big_endian", RawGguf(0x03000000, 0, 0).bytes(), "big-endian GGUF at byte 4"},
      {"n_tensors_2p61", RawGguf(3, uint64_t{1} << 61, 0).bytes(),
       "tensors do not fit the 0 bytes left at byte 8"},
      {"n_tensors_max", RawGguf(3, kHuge, 0).zeros(64).bytes(),
       "tensors do not fit the 64 bytes left at byte 8"},
      {"n_entries_2p61", RawGguf(3, 0, uint64_t{1} << 61).bytes(),
       "entries do not fit the 0 bytes left at byte 16"},
      {"n_entries_max", RawGguf(3, 0, kHuge).zeros(64).bytes(),
       "entries do not fit the 64 bytes left at byte 16"},
      {"n_entries_65537", RawGguf(3, 0, 65'537).zeros(65'537 * 14).bytes(),
       "65537 metadata entries, the limit is"},
      {"n_tensors_65537", RawGguf(3, 65'537, 0).zeros(65'537 * 33).bytes(),
       "65537 tensors, the limit is 65536"},
  };
}

std::vector<Case> entry_cases() {
  return {
      {"key_length_max", one_entry().put(kHuge).raw("general").zeros(16).bytes(),
       "the key of metadata entry 1 of 1 claims 18446744073709551615 bytes and 23 are left at byte 24"},
      {"key_empty", one_entry().entry("", kU32, uint32_t{1}).bytes(), "has an empty key at byte 24"},
      {"key_nul", one_entry().entry(std::string_view("a\0b", 3), kU32, uint32_t{1}).bytes(),
       "holds a NUL byte"},
      {"key_65535", one_entry().entry(std::string(65'535, 'k'), kU8, uint8_t{1}).bytes(), ""},
      {"key_65536", one_entry().entry(std::string(65'536, 'k'), kU8, uint8_t{1}).bytes(),
       "the limit is 65535"},
      {"key_with_escapes", one_entry().entry("a\x1b[31m\n", 99, uint32_t{1}).bytes(), R"('a\u{1b}[31m\n')"},
      {"key_twice", RawGguf(3, 0, 2).entry("k", kU32, uint32_t{1}).entry("k", kU32, uint32_t{2}).bytes(),
       "the key 'k' appears twice at byte 49"},
      {"value_type_13", one_entry().entry("k", 13, uint64_t{0}).bytes(),
       "'k' has the unknown value type 13 at byte 33"},
      {"value_type_max", one_entry().entry("k", 0xFFFFFFFF, uint64_t{0}).bytes(),
       "unknown value type 4294967295"},
      {"value_cut", one_entry().entry("key", kU64, uint32_t{0}).bytes(),
       "the file ends inside the value of 'key' at byte 39"},
      {"string_length_max", one_entry().text("k").put(uint32_t{kString}).put(kHuge).zeros(8).bytes(),
       "the value of 'k' claims 18446744073709551615 bytes and 8 are left at byte 37"},
      {"string_length_2p63", one_entry().text("k").put(uint32_t{kString}).put(uint64_t{1} << 63).bytes(),
       "the value of 'k' claims 9223372036854775808 bytes"},
      {"string_one_too_long",
       one_entry().text("k").put(uint32_t{kString}).put(uint64_t{5}).raw("four").bytes(),
       "claims 5 bytes and 4 are left"},
      {"array_strings_2p61", one_entry().array_head("k", kString, uint64_t{1} << 61).zeros(64).bytes(),
       "the array 'k' claims 2305843009213693952 elements of type string and 64 bytes are left at byte 41"},
      {"array_u64_2p61", one_entry().array_head("k", kU64, uint64_t{1} << 61).zeros(64).bytes(),
       "elements of type u64"},
      // 50 bytes in all; a reader that loops over the count never comes back.
      {"array_2p63", one_entry().array_head("kk", kU8, uint64_t{1} << 63).bytes(),
       "claims 9223372036854775808 elements"},
      {"array_u32_one_short", one_entry().array_head("k", kU32, 4).zeros(15).bytes(),
       "claims 4 elements of type u32"},
      {"array_of_arrays", one_entry().array_head("k", kArray, 1).zeros(32).bytes(),
       "the array 'k' holds arrays at byte 37"},
      {"array_type_13", one_entry().array_head("k", 13, 1).zeros(32).bytes(), "unknown element type 13"},
      {"array_string_cut", one_entry().array_head("k", kString, 2).text("abcdef").zeros(7).bytes(),
       "the file ends inside the length of element 1 of the array 'k'"},
      {"array_string_long",
       one_entry().array_head("k", kString, 2).text("a").put(uint64_t{3}).raw("bc").bytes(),
       "element 1 of the array 'k' claims 3 bytes and 2 are left at byte 58"},
      {"array_text_of_17_mib", one_entry().entry_texts("k", {std::string(17u << 20, 'x')}).bytes(),
       "has 17825792 bytes, the limit is 16777216"},
      {"array_empty", one_entry().array_head("k", kString, 0).bytes(), ""},
      {"scores_as_u8", one_entry().entry_array<uint8_t>("tokenizer.ggml.scores", kU8, {1, 2, 3}).bytes(), ""},
      {"alignment_1", aligned_file(kU32, uint32_t{1}, 1), ""},
      {"alignment_32", aligned_file(kU32, uint32_t{32}, 32), ""},
      {"alignment_64", aligned_file(kU32, uint32_t{64}, 64), ""},
      {"alignment_65536", aligned_file(kU32, uint32_t{65'536}, 65'536), ""},
      {"alignment_0", aligned_file(kU32, uint32_t{0}, 32), "'general.alignment' is 0, not a power of two"},
      {"alignment_3", aligned_file(kU32, uint32_t{3}, 32), "'general.alignment' is 3, not a power of two"},
      {"alignment_2p31", aligned_file(kU32, uint32_t{1} << 31, 32),
       "'general.alignment' is 2147483648, not a power"},
      {"alignment_131072", aligned_file(kU32, uint32_t{131'072}, 32), "'general.alignment' is 131072"},
      {"alignment_u64", aligned_file(kU64, uint64_t{32}, 32),
       "'general.alignment' is u64, u32 was expected at byte 53"},
      {"alignment_i32", aligned_file(kI32, int32_t{-32}, 32), "'general.alignment' is i32, u32 was expected"},
  };
}

std::vector<Case> info_cases() {
  const std::string name_63(63, 'n'), name_64(64, 'n');
  return {
      {"name_empty", one_info().tensor("", {4}, kTensorF32, 0).align(32).zeros(64).bytes(),
       "empty name at byte 24"},
      {"name_63", one_info().tensor(name_63, {4}, kTensorF32, 0).align(32).zeros(64).bytes(), ""},
      {"name_64", one_info().tensor(name_64, {4}, kTensorF32, 0).align(32).zeros(64).bytes(),
       "the limit is 63"},
      {"name_nul",
       one_info().tensor(std::string_view("a\0", 2), {4}, kTensorF32, 0).align(32).zeros(64).bytes(),
       "holds a NUL byte"},
      {"name_length_max", one_info().put(kHuge).zeros(64).bytes(), "claims 18446744073709551615 bytes"},
      {"name_twice",
       RawGguf(3, 2, 0)
           .tensor("a", {4}, kTensorF32, 0)
           .tensor("a", {4}, kTensorF32, 32)
           .align(32)
           .zeros(64)
           .bytes(),
       "the tensor 'a' with data at byte 96 of the same file appears again with data at byte 128"},
      {"dims_0", one_info().tensor("w", {}, kTensorF32, 0).align(32).zeros(64).bytes(),
       "has 0 dimensions, 1 to 4"},
      {"dims_4", shaped({2, 3, 4, 5}, kTensorF32), ""},
      {"dims_5", shaped({1, 1, 1, 1, 4}, kTensorF32),
       "tensor 'w' has 5 dimensions, 1 to 4 are possible at byte 33"},
      {"dims_2p31", one_info().text("w").put(uint32_t{1} << 31).zeros(256).bytes(),
       "has 2147483648 dimensions"},
      {"dims_max", one_info().text("w").put(uint32_t{0xFFFFFFFF}).zeros(256).bytes(),
       "has 4294967295 dimensions"},
      {"dim_zero", shaped({4, 0}, kTensorF32), "has a dimension of 0 at byte 45"},
      {"wrap_f32_2p32_2p32", shaped({uint64_t{1} << 32, uint64_t{1} << 32}, kTensorF32),
       "exceeds 2^63 at byte 45"},
      {"wrap_f16_2p40_2p24", shaped({uint64_t{1} << 40, uint64_t{1} << 24}, kTensorF16),
       "exceeds 2^63 at byte 45"},
      {"wrap_q4k_2p28_2p36", shaped({uint64_t{1} << 28, uint64_t{1} << 36}, kTensorQ4_K),
       "exceeds 2^63 at byte 45"},
      {"wrap_f32_2p62", shaped({uint64_t{1} << 62}, kTensorF32),
       "the byte size of tensor 'w' exceeds 2^64 at byte 37"},
      {"wrap_to_4_elements", shaped({4, uint64_t{1} << 62, 4, 1}, kTensorF32), "exceeds 2^63 at byte 45"},
      {"dim_2p63", shaped({uint64_t{1} << 63}, kTensorF32), "exceeds 2^63 at byte 37"},
      {"dim_2p32_plus_32", shaped({(uint64_t{1} << 32) + 32}, kTensorQ8_0), "the file is cut short"},
      {"row_not_divisible", shaped({33, 2}, kTensorQ4_0),
       "rows of 33 elements, Q4_0 needs a multiple of 32 at byte 37"},
      {"row_half_a_block", shaped({128, 2}, kTensorQ4_K),
       "rows of 128 elements, Q4_K needs a multiple of 256"},
      {"type_4", shaped({32}, 4), "unknown type number 4 at byte 45"},
      {"type_5", shaped({32}, 5), "unknown type number 5"},
      {"type_9", shaped({32}, 9), "unknown type number 9"},
      {"type_31", shaped({32}, 31), "unknown type number 31"},
      {"type_36", shaped({32}, 36), "unknown type number 36"},
      {"type_43", shaped({32}, 43), "unknown type number 43"},
      {"type_minus_1", shaped({32}, 0xFFFFFFFF), "unknown type number 4294967295"},
      {"info_cut", one_info().text("blk.0.attn_q.weight").put(uint32_t{2}).put(uint64_t{4}).zeros(4).bytes(),
       "the file ends inside tensor 'blk.0.attn_q.weight' at byte 63"},
      {"offset_second", second_at(32), ""},
      {"offset_hole", second_at(64),
       "has the offset 64, 32 follows from the tensors before it (hole) at byte 82"},
      {"offset_overlap", second_at(0), "has the offset 0, 32 follows from the tensors before it (overlap)"},
      {"offset_unaligned", second_at(16), "has the offset 16, not a multiple of 32"},
      {"offset_first_not_0", one_info().tensor("a", {4}, kTensorF32, 32).align(32).zeros(64).bytes(),
       "(hole)"},
      {"offset_max", second_at(kHuge & ~uint64_t{31}), "(hole)"},
      {"offset_past_end", one_info().tensor("a", {4096}, kTensorF32, 0).align(32).zeros(64).bytes(),
       "the file is cut short: tensor 'a' has 16384 bytes at offset 0 of the data section, which holds 64"},
      {"last_byte_missing", one_info().tensor("a", {4}, kTensorF32, 0).align(32).zeros(15).bytes(),
       "which holds 15"},
      {"data_section_missing", one_info().tensor("a", {4}, kTensorF32, 0).bytes(), "which holds 0"},
      {"no_final_padding", one_info().tensor("a", {4}, kTensorF32, 0).align(32).zeros(16).bytes(), ""},
      {"trailing_garbage",
       one_info().tensor("a", {4}, kTensorF32, 0).align(32).zeros(32).raw("garbage").bytes(), ""},
      // Sums that wrap: each tensor is possible alone, together they pass 2^64 (the first fix of the known
      // bug checked the sum but not the padding, so the second case ends within 31 bytes of the wrap).
      {"sum_wraps",
       RawGguf(3, 3, 0)
           .tensor("a", {uint64_t{1} << 61}, kTensorF32, 0)
           .tensor("b", {uint64_t{1} << 61}, kTensorF32, uint64_t{1} << 63)
           .tensor("c", {8}, kTensorF32, 0)
           .align(32)
           .zeros(64)
           .bytes(),
       "the data of tensor 'b' ends beyond 2^64"},
      {"padding_wraps",
       RawGguf(3, 2, 0)
           .tensor("a", {uint64_t{1} << 61}, kTensorF32, 0)
           .tensor("b", {(uint64_t{1} << 61) - 1}, kTensorF32, uint64_t{1} << 63)
           .align(32)
           .zeros(64)
           .bytes(),
       "the data of tensor 'b' ends beyond 2^64"},
  };
}

}  // namespace

const std::vector<Case>& container_cases() {
  static const std::vector<Case> all = [] {
    std::vector<Case> cases = header_cases();
    for (auto more : {entry_cases(), info_cases()}) cases.insert(cases.end(), more.begin(), more.end());
    cases.push_back({"worked_example", worked_example(), ""});
    cases.push_back({"rich_file", rich_file(), ""});
    return cases;
  }();
  return all;
}

const Case& container_case(std::string_view name) {
  for (const Case& one : container_cases())
    if (one.name == name) return one;
  std::fprintf(stderr, "there is no case %s\n", std::string(name).c_str());
  std::abort();
}

Bytes worked_example() {
  RawGguf file(3, 1, 1);
  file.entry_text("general.architecture", "t").tensor("a", {4}, kTensorF32, 0).align(32);
  for (const float value : {1.0f, 2.0f, 3.0f, 4.0f}) file.put(value);
  return file.bytes();
}

Bytes rich_file() {
  RawGguf file(3, 5, 26);
  file.entry_text("general.architecture", "qwen3")
      .entry("u8", kU8, uint8_t{200})
      .entry("i8", kI8, int8_t{-100})
      .entry("u16", kU16, uint16_t{60'000})
      .entry("i16", kI16, int16_t{-30'000})
      .entry("u32", kU32, uint32_t{4'000'000'000})
      .entry("i32", kI32, int32_t{-2'000'000'000})
      .entry("f32", kF32, 1.5f)
      .entry("bool", kBool, uint8_t{1})
      .entry("bool.odd", kBool, uint8_t{0x80})
      .entry_text("string", "na\xC3\xAFve \"text\"\n\xFF")
      .entry("u64", kU64, kHuge)
      .entry("i64", kI64, int64_t{-5'000'000'000})
      .entry("f64", kF64, 0.1)
      .entry_array<uint8_t>("u8s", kU8, {1, 2, 255})
      .entry_array<int8_t>("i8s", kI8, {-1, 2})
      .entry_array<uint16_t>("u16s", kU16, {1, 65'535})
      .entry_array<int16_t>("i16s", kI16, {-1, 5})
      .entry_array<uint32_t>("u32s", kU32, {1, 0xFFFFFFFF})
      .entry_array<int32_t>("i32s", kI32, {11, 11, 10, 0})
      .entry_array<float>("f32s", kF32, {0.5f, -2.0f})
      .entry_array<uint8_t>("bools", kBool, {0, 1, 7})
      .entry_texts("strings", {"", "one", "\xE4\xBD\xA0\xE5\xA5\xBD"})
      .entry_array<uint64_t>("u64s", kU64, {1, kHuge})
      .entry_array<int64_t>("i64s", kI64, {-1, 1})
      .entry_array<double>("f64s", kF64, {0.25})
      .tensor("vector", {5}, kTensorF32, 0)
      .tensor("matrix", {32, 3}, kTensorQ8_0, 32)
      .tensor("half", {7, 2}, kTensorF16, 160)
      .tensor("experts", {256, 2, 2}, kTensorQ4_K, 192)
      .tensor("four", {1, 2, 1, 3}, kTensorF32, 768)
      .align(32);
  for (int i = 0; i < 32 + 128 + 32 + 576 + 24; ++i) {
    const bool padding = (i >= 20 && i < 32) || (i >= 32 + 102 && i < 160) || (i >= 160 + 28 && i < 192);
    file.put(static_cast<uint8_t>(padding ? 0 : i % 60));
  }
  return file.bytes();
}

Bytes one_tensor(uint32_t type, uint64_t block_elems, uint64_t rows, std::span<const std::byte> block) {
  RawGguf file(3, 1, 0);
  file.tensor("blk.0.w", {block_elems, rows}, type, 0).align(32);
  for (uint64_t row = 0; row < rows; ++row)
    file.raw({reinterpret_cast<const char*>(block.data()), block.size()});
  return file.bytes();
}

}  // namespace gannet::gguf_test
