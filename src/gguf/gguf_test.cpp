// The container as described: what a sound file yields through the reader's interface.
#include "gguf/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "gguf/test_files.h"

namespace gannet {
namespace {

using gguf_test::Bytes;
using gguf_test::RawGguf;
using testing::ElementsAre;
using testing::HasSubstr;

GgufFile parse(const Bytes& bytes) {
  auto file = GgufFile::parse(bytes, "test.gguf");
  EXPECT_TRUE(file.ok()) << file.error().message();
  return file.take();
}

template <class T>
std::vector<T> listed(const Result<std::optional<GgufNumbers<T>>>& numbers) {
  EXPECT_TRUE(numbers.ok() && numbers->has_value());
  std::vector<T> out;
  for (const T value : **numbers) out.push_back(value);
  return out;
}

TEST(Gguf, WorkedExample) {
  const Bytes bytes = gguf_test::worked_example();
  ASSERT_EQ(bytes.size(), 144u);
  const GgufFile file = parse(bytes);
  ASSERT_EQ(file.entries().size(), 1u);
  EXPECT_EQ(file.entries()[0].key, "general.architecture");
  EXPECT_EQ(**file.get_string("general.architecture"), "t");
  ASSERT_EQ(file.tensors().size(), 1u);
  const GgufTensor& tensor = file.tensors()[0];
  EXPECT_EQ(tensor.name, "a");
  EXPECT_EQ(tensor.dtype, DType::kF32);
  EXPECT_EQ(tensor.shape, Shape(4));
  EXPECT_EQ(tensor.file_offset, 128u);
  float values[4];
  ASSERT_EQ(tensor.data.size(), sizeof(values));
  std::memcpy(values, tensor.data.data(), sizeof(values));
  EXPECT_THAT(values, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(file.shards()[0].data_start, 128u);
  EXPECT_EQ(file.shards()[0].version, 3u);
}

TEST(Gguf, TensorsAreSlowestAxisFirst) {
  const Bytes bytes = gguf_test::rich_file();
  const GgufFile file = parse(bytes);
  ASSERT_EQ(file.tensors().size(), 5u);
  EXPECT_EQ(file.find_tensor("vector")->shape, Shape(5));
  EXPECT_EQ(file.find_tensor("matrix")->shape, Shape(3, 32));
  EXPECT_EQ(file.find_tensor("experts")->shape, Shape(2, 2, 256));
  EXPECT_EQ(file.find_tensor("four")->shape, Shape(3, 1, 2, 1));
  EXPECT_EQ(file.find_tensor("matrix")->data.size(), 3u * 34);
  EXPECT_EQ(file.find_tensor("matrix")->file_offset, file.shards()[0].data_start + 32);
  EXPECT_EQ(file.find_tensor("matri"), nullptr);
  EXPECT_EQ(file.find_tensor("zzz"), nullptr);
  EXPECT_EQ(file.file_bytes(), bytes.size());
}

TEST(Gguf, IntegersOfAnyWidthAreAcceptedWhenTheyFit) {
  const Bytes bytes = gguf_test::rich_file();
  const GgufFile file = parse(bytes);
  EXPECT_EQ(**file.get_uint("u8"), 200u);
  EXPECT_EQ(**file.get_uint("u16"), 60'000u);
  EXPECT_EQ(**file.get_uint("u32"), 4'000'000'000u);
  EXPECT_EQ(**file.get_uint("u64"), ~uint64_t{0});
  EXPECT_EQ(**file.get_int("i8"), -100);
  EXPECT_EQ(**file.get_int("i16"), -30'000);
  EXPECT_EQ(**file.get_int("i32"), -2'000'000'000);
  EXPECT_EQ(**file.get_int("i64"), -5'000'000'000);
  EXPECT_EQ(**file.get_int("u32"), 4'000'000'000);
  EXPECT_FALSE(file.get_int("u64").ok());
  EXPECT_FALSE(file.get_uint("i8").ok());
  EXPECT_EQ(**file.get_float("f32"), 1.5);
  EXPECT_EQ(**file.get_float("f64"), 0.1);
  EXPECT_EQ(**file.get_bool("bool"), true);
  EXPECT_EQ(**file.get_bool("bool.odd"), true);
  EXPECT_FALSE(file.get_uint("absent")->has_value());
  EXPECT_FALSE(file.get_string_array("absent")->has_value());
}

TEST(Gguf, ArraysAreReadAsTheTypeAskedFor) {
  const Bytes bytes = gguf_test::rich_file();
  const GgufFile file = parse(bytes);
  EXPECT_THAT(listed(file.get_uint_array("u8s")), ElementsAre(1, 2, 255));
  EXPECT_THAT(listed(file.get_int_array("i8s")), ElementsAre(-1, 2));
  EXPECT_THAT(listed(file.get_uint_array("u16s")), ElementsAre(1, 65'535));
  EXPECT_THAT(listed(file.get_int_array("i16s")), ElementsAre(-1, 5));
  EXPECT_THAT(listed(file.get_uint_array("u32s")), ElementsAre(1, 0xFFFFFFFF));
  EXPECT_THAT(listed(file.get_uint_array("i32s")), ElementsAre(11, 11, 10, 0));
  EXPECT_THAT(listed(file.get_float_array("f32s")), ElementsAre(0.5, -2.0));
  EXPECT_THAT(listed(file.get_float_array("f64s")), ElementsAre(0.25));
  EXPECT_THAT(listed(file.get_bool_array("bools")), ElementsAre(false, true, true));
  EXPECT_THAT(listed(file.get_uint_array("u64s")), ElementsAre(1, ~uint64_t{0}));
  EXPECT_THAT(listed(file.get_int_array("i64s")), ElementsAre(-1, 1));
  const auto strings = **file.get_string_array("strings");
  EXPECT_EQ(strings.size(), 3u);
  EXPECT_THAT(strings.to_vector(), ElementsAre("", "one", "\xE4\xBD\xA0\xE5\xA5\xBD"));
}

TEST(Gguf, WrongTypesAreNamed) {
  const Bytes bytes = gguf_test::rich_file();
  const GgufFile file = parse(bytes);
  const auto text = file.get_uint("string");
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.error().code(), ErrorCode::kModelFile);
  EXPECT_THAT(
      text.error().message(),
      HasSubstr("test.gguf: the key 'string' holds string \"na\xC3\xAFve \\\"text\\\"\\n\\xff\" at byte"));
  EXPECT_THAT(text.error().message(), HasSubstr("an integer of at least 0 was expected"));
  EXPECT_THAT(file.get_uint("i8").error().message(), HasSubstr("'i8' holds i8 -100"));
  EXPECT_THAT(file.get_uint_array("i8s").error().message(), HasSubstr("'i8s' holds i8[2] [-1, 2]"));
  EXPECT_FALSE(file.get_int_array("u64s").ok());
  EXPECT_FALSE(file.get_uint("u8s").ok());
  EXPECT_FALSE(file.get_uint_array("u8").ok());
  EXPECT_FALSE(file.get_string("strings").ok());
  EXPECT_FALSE(file.get_string_array("string").ok());
  EXPECT_FALSE(file.get_string_array("u8s").ok());
  EXPECT_FALSE(file.get_float("u32").ok());
  EXPECT_FALSE(file.get_uint("f32").ok());
  EXPECT_FALSE(file.get_bool("u8").ok());
  EXPECT_FALSE(file.get_bool_array("u8s").ok());
  EXPECT_FALSE(file.get_float_array("strings").ok());
}

TEST(Gguf, EmptyArraysKeepTheirType) {
  const Bytes bytes = RawGguf(3, 0, 2).array_head("texts", 8, 0).array_head("numbers", 5, 0).bytes();
  const GgufFile file = parse(bytes);
  EXPECT_TRUE((*file.get_string_array("texts"))->empty());
  EXPECT_TRUE((*file.get_int_array("numbers"))->empty());
  EXPECT_FALSE(file.get_float_array("numbers").ok());
  EXPECT_EQ(file.find("texts")->text(), "[]");
}

TEST(Gguf, ValuesHaveATextForm) {
  const Bytes bytes = gguf_test::rich_file();
  const GgufFile file = parse(bytes);
  const auto text = [&](std::string_view key) { return file.find(key)->text(8, 2); };
  EXPECT_EQ(text("u64"), "18446744073709551615");
  EXPECT_EQ(text("i64"), "-5000000000");
  EXPECT_EQ(text("f32"), "1.5");
  EXPECT_EQ(text("bool"), "true");
  EXPECT_EQ(text("string"), "\"na\xC3\xAFve \\\" (+7 bytes)\"");
  EXPECT_EQ(text("u8s"), "[1, 2, ... +1]");
  EXPECT_EQ(text("bools"), "[false, true, ... +1]");
  EXPECT_EQ(text("strings"), "[\"\", \"one\", ... +1]");
  EXPECT_EQ(file.find("strings")->text(80, 0), "[... +3]");
  EXPECT_EQ(file.find("strings")->type_text(), "string[3]");
  EXPECT_EQ(file.find("f64")->type_text(), "f64");
}

TEST(Gguf, RealFilesLoad) {
  namespace fs = std::filesystem;
  const fs::path shared = "../shared";
  if (!fs::exists(shared)) GTEST_SKIP() << "../shared with real model files is not here";
  int loaded = 0;
  for (const char* folder : {"oracle", "pocket", "vocab"}) {
    for (const auto& item : fs::directory_iterator(shared / folder)) {
      if (item.path().extension() != ".gguf") continue;
      const auto file = GgufFile::open(item.path());
      ASSERT_TRUE(file.ok()) << file.error().message();
      EXPECT_TRUE(file->get_string("general.architecture")->has_value()) << item.path();
      EXPECT_EQ(file->file_bytes(), fs::file_size(item.path()));
      for (const GgufTensor& tensor : file->tensors()) EXPECT_EQ(file->find_tensor(tensor.name), &tensor);
      ++loaded;
    }
  }
  EXPECT_GE(loaded, 9);
}

TEST(Gguf, RealVocabularyIsIndexedInMilliseconds) {
  const std::string path = "../shared/vocab/ggml-vocab-qwen35.gguf";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not here";
  const GgufFile file = GgufFile::open(path).take();
  const auto start = std::chrono::steady_clock::now();
  const auto tokens = (**file.get_string_array("tokenizer.ggml.tokens")).to_vector();
  const auto types = **file.get_int_array("tokenizer.ggml.token_type");
  const auto elapsed = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(tokens.size(), 151'936u);
  EXPECT_EQ(types.size(), tokens.size());
  EXPECT_EQ(tokens[0], "!");
  RecordProperty("microseconds", std::to_string(elapsed / std::chrono::microseconds(1)));
}

}  // namespace
}  // namespace gannet
