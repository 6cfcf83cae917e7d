// Damaged and malicious files: each must give exit code 3 and one line that names the file, what is wrong and
// where. The names of the cases' tests follow the public records of the faults that other readers had.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "gguf/gguf.h"
#include "gguf/test_files.h"

namespace gannet {
namespace {

using gguf_test::Bytes;
using gguf_test::Case;
using gguf_test::RawGguf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

void expect_refusal(const Error& error) {
  EXPECT_EQ(error.code(), ErrorCode::kModelFile);
  EXPECT_THAT(error.message(), StartsWith("bad.gguf: "));
  EXPECT_THAT(error.message(), HasSubstr(" at byte "));
  EXPECT_THAT(error.message(), Not(HasSubstr("\n")));
  EXPECT_LT(error.message().size(),
            800u);  // 80 bytes of a key, each at most 6 characters when escaped, and the rest
}

void expect_case(std::string_view name) {
  const Case& one = gguf_test::container_case(name);
  SCOPED_TRACE(one.name);
  const auto file = GgufFile::parse(one.bytes, "bad.gguf");
  if (one.expected.empty()) {
    EXPECT_TRUE(file.ok()) << file.error().message();
    return;
  }
  ASSERT_FALSE(file.ok()) << "was accepted";
  expect_refusal(file.error());
  EXPECT_THAT(file.error().message(), HasSubstr(one.expected));
}

void expect_cases(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) expect_case(name);
}

TEST(GgufHostile, EveryCase) {
  std::set<std::string> names;
  for (const Case& one : gguf_test::container_cases()) {
    EXPECT_TRUE(names.insert(one.name).second) << one.name;
    expect_case(one.name);
  }
}

TEST(GgufHostile, Cve202421802DimensionCount) {
  expect_cases({"dims_5", "dims_2p31", "dims_max", "dims_0"});
}
TEST(GgufHostile, Cve202421825ArrayAndStringElements) {
  expect_cases({"array_strings_2p61", "array_u64_2p61", "array_string_long", "array_u32_one_short"});
}
TEST(GgufHostile, Cve202421836TensorCount) {
  expect_cases({"n_tensors_2p61", "n_tensors_max", "n_tensors_65537"});
}
TEST(GgufHostile, Cve202423496StringLengthPlusOne) {
  expect_cases({"string_length_max", "key_length_max", "name_length_max", "string_length_2p63"});
}
TEST(GgufHostile, Cve202423605EntryCount) {
  expect_cases({"n_entries_2p61", "n_entries_max", "n_entries_65537"});
}
TEST(GgufHostile, Cve202425664To25668UncheckedHeaderFields) {
  expect_cases({"n_entries_max", "n_tensors_max", "array_2p63", "string_one_too_long", "value_type_max"});
}
TEST(GgufHostile, Cve202549847TokenTextLength) {
  expect_cases({"array_text_of_17_mib", "array_string_long"});
}
TEST(GgufHostile, Cve202553630SizesSumWraps) {
  expect_cases({"sum_wraps"});
}
TEST(GgufHostile, Cve202627940PaddedSumWraps) {
  expect_cases({"padding_wraps", "sum_wraps"});
}
TEST(GgufHostile, Cve202633298DimsWrap) {
  expect_cases({"wrap_f32_2p32_2p32", "wrap_f16_2p40_2p24", "wrap_q4k_2p28_2p36", "wrap_f32_2p62",
                "wrap_to_4_elements", "dim_2p63"});
}
TEST(GgufHostile, Cve202653923DimsBeyond32Bits) {
  expect_cases({"dim_2p32_plus_32"});
}
TEST(GgufHostile, Cve20267482TensorBeyondTheFile) {
  expect_cases({"offset_past_end", "last_byte_missing", "data_section_missing"});
}
TEST(GgufHostile, Cve202566960StringLengthDenialOfService) {
  expect_cases({"string_length_2p63", "key_65536"});
}
TEST(GgufHostile, Pr27188ArrayCountHang) {
  expect_cases({"array_2p63"});
}
TEST(GgufHostile, Pr26318And24997Alignment) {
  expect_cases({"alignment_0", "alignment_3", "alignment_2p31", "alignment_131072", "alignment_u64",
                "alignment_i32", "alignment_1", "alignment_65536"});
}

// A vocabulary whose scores are bytes: reading them as floats would run past the array.
TEST(GgufHostile, Pr26690ArrayElementType) {
  const Case& one = gguf_test::container_case("scores_as_u8");
  const GgufFile file = GgufFile::parse(one.bytes, "bad.gguf").take();
  const auto scores = file.get_float_array("tokenizer.ggml.scores");
  ASSERT_FALSE(scores.ok());
  expect_refusal(scores.error());
  EXPECT_THAT(scores.error().message(), HasSubstr("holds u8[3] [1, 2, 3]"));
  EXPECT_THAT(scores.error().message(), HasSubstr("an array of floats was expected"));
}

TEST(GgufHostile, TruncationAtEveryByte) {
  const Bytes whole = gguf_test::rich_file();
  for (size_t size = 0; size < whole.size(); ++size) {
    // A buffer of exactly this size: reading on is seen by AddressSanitizer.
    const Bytes part(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    const auto file = GgufFile::parse(part, "bad.gguf");
    ASSERT_FALSE(file.ok()) << size;
    expect_refusal(file.error());
  }
}

// Walks everything a file offers; the values do not matter, only that every access stays inside the file.
size_t walk(const GgufFile& file) {
  size_t sum = 0;
  for (const GgufEntry& entry : file.entries()) sum += entry.value.text(1000, 1000).size();
  for (const GgufTensor& tensor : file.tensors())
    sum += tensor.data.empty()
               ? 0
               : static_cast<size_t>(tensor.data.front()) + static_cast<size_t>(tensor.data.back());
  return sum;
}

TEST(GgufHostile, EveryBitFlipIsHarmless) {
  const Bytes whole = gguf_test::rich_file();
  const size_t data_start = GgufFile::parse(whole, "good.gguf")->shards()[0].data_start;
  int refused = 0, accepted = 0;
  for (size_t bit = 0; bit < data_start * 8; ++bit) {
    Bytes bytes = whole;
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    const auto file = GgufFile::parse(bytes, "bad.gguf");
    if (file.ok()) {
      EXPECT_GT(walk(*file), 0u);
      ++accepted;
    } else {
      expect_refusal(file.error());
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(accepted, 1000);
}

// Names and keys that all share a long beginning, in descending order: must stay far from quadratic.
TEST(GgufHostile, ManySimilarKeysAreNotSlow) {
  constexpr int kCount = 65'536;
  RawGguf raw(3, 0, kCount);
  const std::string beginning(200, 'k');
  for (int i = kCount; i > 0; --i)
    raw.entry(beginning + std::to_string(100'000 + i), gguf_test::kU8, uint8_t{1});
  const auto file = GgufFile::parse(raw.bytes(), "many.gguf");
  ASSERT_TRUE(file.ok()) << file.error().message();
  EXPECT_EQ(file->entries().size(), size_t{kCount});
  EXPECT_NE(file->find(beginning + "100001"), nullptr);
}

}  // namespace
}  // namespace gannet
