// What the writer writes is what the format says and what the reader reads.
#include "gguf/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "gguf/test_files.h"

namespace gannet {
namespace {

namespace fs = std::filesystem;
using gguf_test::Bytes;
using testing::ElementsAre;
using testing::HasSubstr;

std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

struct GgufWriting : testing::Test {
  fs::path folder = fs::temp_directory_path() / ("gannet_gguf_writing_" + std::to_string(getpid()));
  void SetUp() override { fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }
  std::string path(const std::string& name) const { return folder / name; }
};

Bytes slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  const auto view = as_bytes(text);
  return {view.begin(), view.end()};
}

TEST_F(GgufWriting, WorkedExampleByteForByte) {
  GgufBuilder builder;
  builder.set_string("general.architecture", "t");
  builder.add_tensor("a", DType::kF32, Shape(4));
  auto writer = GgufWriter::create(path("example.gguf"), builder).take();
  const float values[4] = {1, 2, 3, 4};
  writer.write_tensor("a", std::as_bytes(std::span(values))).take();
  writer.finish().take();
  Bytes expected = gguf_test::worked_example();
  expected.resize(160);  // the example's text: "the reference writer would append 16 zero bytes"
  EXPECT_EQ(slurp(path("example.gguf")), expected);
}

TEST_F(GgufWriting, PiecesOfAnySizeAndPadding) {
  GgufBuilder builder;
  builder.set_u32("general.alignment", 64);
  builder.add_tensor("a", DType::kI8, Shape(70));
  builder.add_tensor("b", DType::kI8, Shape(3, 1));
  auto writer = GgufWriter::create(path("parts.gguf"), builder).take();
  const std::string text(70, 'x');
  writer.write_part("a", as_bytes(text).first(1)).take();
  writer.write_part("a", as_bytes(text).subspan(1, 0)).take();
  writer.write_part("a", as_bytes(text).subspan(1)).take();
  writer.write_tensor("b", as_bytes("yyy")).take();
  writer.finish().take();
  const GgufFile file = GgufFile::open(path("parts.gguf")).take();
  EXPECT_EQ(file.shards()[0].alignment, 64u);
  EXPECT_EQ(file.find_tensor("b")->file_offset - file.find_tensor("a")->file_offset, 128u);
  EXPECT_EQ(static_cast<char>(file.find_tensor("a")->data[69]), 'x');
  EXPECT_EQ(static_cast<char>(file.find_tensor("b")->data[2]), 'y');
  EXPECT_EQ(file.file_bytes() % 64, 0u);
}

TEST_F(GgufWriting, NoFileBeforeFinish) {
  GgufBuilder builder;
  builder.add_tensor("a", DType::kF32, Shape(2));
  { auto writer = GgufWriter::create(path("half.gguf"), builder).take(); }
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST_F(GgufWriting, GroupsAreOrderedAndKeysReplaced) {
  GgufBuilder builder;
  builder.set_u32("tokenizer.ggml.bos_token_id", 1);
  builder.set_u32("qwen3.block_count", 1);
  builder.set_string("general.name", "first");
  builder.set_u32("quantize.imatrix.chunks_count", 7);
  builder.set_string("general.architecture", "qwen3");
  builder.set_u32("qwen3.block_count", 28);
  builder.set_bool("general.name", true);
  const Bytes header = builder.layout()->header;
  const GgufFile file = GgufFile::parse(header, "h").take();
  std::vector<std::string_view> keys;
  for (const GgufEntry& entry : file.entries()) keys.push_back(entry.key);
  EXPECT_THAT(keys, ElementsAre("general.architecture", "general.name", "qwen3.block_count",
                                "tokenizer.ggml.bos_token_id", "quantize.imatrix.chunks_count"));
  EXPECT_EQ(**file.get_uint("qwen3.block_count"), 28u);
  EXPECT_EQ(**file.get_bool("general.name"), true);
}

TEST(GgufBuilder, RefusesWhatTheReaderWouldRefuse) {
  const auto message = [](const auto& fill) {
    GgufBuilder builder;
    fill(builder);
    const auto layout = builder.layout();
    return layout.ok() ? "accepted" : layout.error().message();
  };
  using B = GgufBuilder;
  EXPECT_THAT(message([](B& b) { b.set_u32("", 1); }), HasSubstr("a key is empty"));
  EXPECT_THAT(message([](B& b) { b.set_u32(std::string(65'536, 'k'), 1); }), HasSubstr("longer than 65535"));
  EXPECT_THAT(message([](B& b) { b.set_u32(std::string_view("a\0", 2), 1); }), HasSubstr("NUL"));
  EXPECT_THAT(message([](B& b) { b.set_string("k", std::string((64u << 20) + 1, 'x')); }),
              HasSubstr("too long"));
  EXPECT_THAT(message([](B& b) { b.set_i32("general.alignment", 32); }), HasSubstr("must be a u32"));
  EXPECT_THAT(message([](B& b) { b.set_u32("general.alignment", 48); }), HasSubstr("power of two"));
  EXPECT_THAT(message([](B& b) { b.add_tensor("", DType::kF32, Shape(1)); }), HasSubstr("1 to 63 bytes"));
  EXPECT_THAT(message([](B& b) { b.add_tensor(std::string(64, 'n'), DType::kF32, Shape(1)); }),
              HasSubstr("1 to 63"));
  EXPECT_THAT(message([](B& b) { b.add_tensor("a", DType::kF32, Shape(0)); }),
              HasSubstr("axis without elements"));
  EXPECT_THAT(message([](B& b) { b.add_tensor("a", DType::kF32, Shape()); }), HasSubstr("0 axes"));
  EXPECT_THAT(message([](B& b) { b.add_tensor("a", DType::kQ4_K, Shape(2, 128)); }),
              HasSubstr("multiple of 256"));
  EXPECT_THAT(message([](B& b) { b.add_tensor("a", DType::kKvCache, Shape(1)); }),
              HasSubstr("no file holds"));
  EXPECT_THAT(message([](B& b) {
                b.add_tensor("a", DType::kF32, Shape(1));
                b.add_tensor("a", DType::kF32, Shape(1));
              }),
              HasSubstr("appears twice"));
  EXPECT_THAT(
      message([](B& b) { b.add_tensor("a", DType::kF32, Shape(int64_t{1} << 40, int64_t{1} << 40)); }),
      HasSubstr("more than 2^63 elements"));
}

TEST(GgufBuilder, MisuseIsALoudStop) {
  const fs::path folder = fs::temp_directory_path() / ("gannet_gguf_misuse_" + std::to_string(getpid()));
  fs::create_directories(folder);
  const std::string path = folder / "m.gguf";
  GgufBuilder builder;
  builder.add_tensor("a", DType::kI8, Shape(4));
  EXPECT_DEATH(
      {
        auto writer = GgufWriter::create(path, builder).take();
        (void)writer.write_part("b", as_bytes("1234"));
      },
      "tensor.name == name");
  EXPECT_DEATH(
      {
        auto writer = GgufWriter::create(path, builder).take();
        (void)writer.write_part("a", as_bytes("12345"));
      },
      "bytes.size");
  EXPECT_DEATH(
      {
        auto writer = GgufWriter::create(path, builder).take();
        (void)writer.finish();
      },
      "every tensor is written");
  EXPECT_TRUE(fs::is_empty(folder));  // not even what the abort interrupted
  fs::remove_all(folder);
}

// Real metadata copied through the writer comes out the same, bit for bit.
TEST_F(GgufWriting, CopiedVocabularyIsEqual) {
  const std::string source = "../shared/vocab/ggml-vocab-qwen35.gguf";
  if (!fs::exists(source)) GTEST_SKIP() << source << " is not here";
  const GgufFile original = GgufFile::open(source).take();
  GgufBuilder builder;
  builder.copy_all(original, "tokenizer.");
  GgufWriter::create(path("vocab.gguf"), builder)->finish().take();
  const GgufFile copy = GgufFile::open(path("vocab.gguf")).take();
  size_t compared = 0;
  for (const GgufEntry& entry : original.entries()) {
    if (!entry.key.starts_with("tokenizer.")) {
      EXPECT_EQ(copy.find(entry.key), nullptr);
      continue;
    }
    const GgufValue* other = copy.find(entry.key);
    ASSERT_NE(other, nullptr) << entry.key;
    EXPECT_EQ(other->type_text(), entry.value.type_text());
    EXPECT_TRUE(std::ranges::equal(other->bytes, entry.value.bytes)) << entry.key;
    ++compared;
  }
  EXPECT_EQ(compared, copy.entries().size());
  EXPECT_GT(compared, 3u);
}

// --- Random files
// -------------------------------------------------------------------------------------------------

struct RandomTensor {
  std::string name;
  DType dtype;
  Shape shape;
  Bytes data;
};

RandomTensor random_tensor(int number) {
  static const std::vector<DType> kTypes = {
      DType::kF32,  DType::kF16,   DType::kBF16,  DType::kI8,   DType::kF64,   DType::kQ4_0,  DType::kQ8_0,
      DType::kQ6_K, DType::kIQ1_M, DType::kMXFP4, DType::kQ1_0, DType::kNVFP4, DType::kTQ1_0, DType::kI64};
  RandomTensor tensor;
  tensor.name = "t" + std::to_string(number) + std::string(*rc::gen::inRange<size_t>(0, 50), '.');
  tensor.dtype = *rc::gen::elementOf(kTypes);
  tensor.shape.rank = *rc::gen::inRange(1, kMaxRank + 1);
  for (int axis = 0; axis < tensor.shape.rank; ++axis)
    tensor.shape.dim[axis] = *rc::gen::inRange<int64_t>(1, 5);
  tensor.shape.dim[tensor.shape.rank - 1] *= dtype_info(tensor.dtype).block_elems;
  tensor.data.resize(static_cast<size_t>(tensor_bytes(tensor.dtype, tensor.shape)));
  const auto seed = *rc::gen::arbitrary<uint32_t>();
  for (size_t i = 0; i < tensor.data.size(); ++i)
    tensor.data[i] = static_cast<std::byte>(seed * (i + 1) >> 13);
  return tensor;
}

template <class T>
void check_number(std::string_view key, T value) {
  GgufBuilder builder;
  builder.set_number(key, value);
  const std::vector<T> three = {value, T(), value};
  if constexpr (!std::is_same_v<T, bool>) builder.set_numbers<T>("three", three);
  const Bytes header = builder.layout()->header;
  const GgufFile file = GgufFile::parse(header, "n").take();
  const GgufValue* found = file.find(key);
  RC_ASSERT(found != nullptr && found->bytes.size() == sizeof(T));
  RC_ASSERT(std::memcmp(found->bytes.data(), &value, sizeof(T)) == 0);
  if constexpr (std::is_same_v<T, bool>) {
    RC_ASSERT(**file.get_bool(key) == value);
  } else if constexpr (std::is_floating_point_v<T>) {
    RC_ASSERT(std::isnan(value) || **file.get_float(key) == double{value});
    RC_ASSERT((*file.get_float_array("three"))->size() == 3);
  } else if constexpr (std::is_signed_v<T>) {
    RC_ASSERT(**file.get_int(key) == value);
    RC_ASSERT((**file.get_int_array("three"))[2] == value);
    RC_ASSERT(file.get_uint(key).ok() == (value >= 0));
    RC_ASSERT(file.get_uint_array("three").ok() == (value >= 0));
  } else {
    RC_ASSERT(**file.get_uint(key) == value);
    RC_ASSERT((**file.get_uint_array("three"))[0] == value);
    RC_ASSERT((**file.get_uint_array("three"))[1] == 0);
  }
}

TEST(GgufProperty, NumbersSurvive) {
  EXPECT_TRUE(rc::check("every number type is read as it was written", [] {
    const std::string key = "k" + *rc::gen::container<std::string>(rc::gen::inRange('a', 'z'));
    check_number(key, *rc::gen::arbitrary<uint8_t>());
    check_number(key, *rc::gen::arbitrary<int8_t>());
    check_number(key, *rc::gen::arbitrary<uint16_t>());
    check_number(key, *rc::gen::arbitrary<int16_t>());
    check_number(key, *rc::gen::arbitrary<uint32_t>());
    check_number(key, *rc::gen::arbitrary<int32_t>());
    check_number(key, *rc::gen::arbitrary<uint64_t>());
    check_number(key, *rc::gen::arbitrary<int64_t>());
    check_number(key, std::bit_cast<float>(*rc::gen::arbitrary<uint32_t>()));
    check_number(key, std::bit_cast<double>(*rc::gen::arbitrary<uint64_t>()));
    check_number(key, *rc::gen::arbitrary<bool>());
  }));
}

TEST_F(GgufWriting, RandomFilesSurvive) {
  EXPECT_TRUE(rc::check("texts and tensors are read as they were written", [this] {
    GgufBuilder builder;
    const uint32_t alignment = 1u << *rc::gen::inRange(0, 17);
    if (alignment != 32) builder.set_u32("general.alignment", alignment);
    const auto texts = *rc::gen::arbitrary<std::vector<std::string>>();
    builder.set_strings("texts", texts);
    for (size_t i = 0; i < texts.size(); ++i) builder.set_string("text." + std::to_string(i), texts[i]);
    std::vector<RandomTensor> tensors;
    const int count = *rc::gen::inRange(0, 6);
    for (int i = 0; i < count; ++i) tensors.push_back(random_tensor(i));
    for (const RandomTensor& tensor : tensors) builder.add_tensor(tensor.name, tensor.dtype, tensor.shape);

    auto writer = GgufWriter::create(path("random.gguf"), builder).take();
    for (const RandomTensor& tensor : tensors) writer.write_tensor(tensor.name, tensor.data).take();
    writer.finish().take();

    const GgufFile file = GgufFile::open(path("random.gguf")).take();
    RC_ASSERT(file.file_bytes() == builder.layout()->file_bytes);
    RC_ASSERT((**file.get_string_array("texts")).to_vector() ==
              std::vector<std::string_view>(texts.begin(), texts.end()));
    for (size_t i = 0; i < texts.size(); ++i)
      RC_ASSERT(**file.get_string("text." + std::to_string(i)) == texts[i]);
    RC_ASSERT(file.tensors().size() == tensors.size());
    for (size_t i = 0; i < tensors.size(); ++i) {
      const GgufTensor& read = file.tensors()[i];
      RC_ASSERT(read.name == tensors[i].name);
      RC_ASSERT(read.dtype == tensors[i].dtype);
      RC_ASSERT(read.shape == tensors[i].shape);
      RC_ASSERT(read.file_offset % alignment == 0);
      RC_ASSERT(std::ranges::equal(read.data, tensors[i].data));
    }
  }));
}

}  // namespace
}  // namespace gannet
