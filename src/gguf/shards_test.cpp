// Split models: files that belong together, and every way in which they do not.
#include "gguf/shards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "gguf/gguf.h"
#include "gguf/test_files.h"

namespace gannet {
namespace {

namespace fs = std::filesystem;
using gguf_test::Bytes;
using gguf_test::RawGguf;
using testing::AllOf;
using testing::HasSubstr;

struct GgufShards : testing::Test {
  fs::path folder = fs::temp_directory_path() / ("gannet_gguf_shards_" + std::to_string(getpid()));
  void SetUp() override {
    fs::create_directories(folder);
    write_model();
  }
  void TearDown() override { fs::remove_all(folder); }

  std::string path(int number, int count = 3) const {
    return folder / ("model" + shard_suffix(static_cast<uint64_t>(number - 1), static_cast<uint64_t>(count)));
  }
  static void write(const std::string& to, const Bytes& bytes) {
    std::ofstream out(to, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }

  // Shard `number` (from 1) with one tensor of four F32 named `name`, or none when `name` is empty.
  static Bytes shard(int number, const std::string& name, uint16_t count = 3, int32_t n_tensors = 2) {
    const bool first = number == 1;
    RawGguf raw(3, name.empty() ? 0 : 1, first ? 4 : 3);
    if (first) raw.entry_text("general.architecture", "t");
    raw.entry("split.no", gguf_test::kU16, static_cast<uint16_t>(number - 1));
    raw.entry("split.count", gguf_test::kU16, count);
    raw.entry("split.tensors.count", gguf_test::kI32, n_tensors);
    if (!name.empty()) raw.tensor(name, {4}, gguf_test::kTensorF32, 0).align(32).zeros(16);
    return raw.bytes();
  }
  // The usual form of large uploads: the first file holds the metadata only.
  void write_model() {
    write(path(1), shard(1, ""));
    write(path(2), shard(2, "a"));
    write(path(3), shard(3, "b"));
  }
  std::string refusal(int number = 1, int count = 3) const {
    const auto file = GgufFile::open(path(number, count));
    if (file.ok()) return "accepted";
    EXPECT_EQ(file.error().code(), ErrorCode::kModelFile);
    return file.error().message();
  }
};

TEST_F(GgufShards, AllFilesAreOpenedFromTheFirst) {
  const auto file = GgufFile::open(path(1));
  ASSERT_TRUE(file.ok()) << file.error().message();
  EXPECT_EQ(file->shards().size(), 3u);
  EXPECT_EQ(file->tensors().size(), 2u);
  EXPECT_EQ(file->find_tensor("a")->shard, 1);
  EXPECT_EQ(file->find_tensor("b")->shard, 2);
  EXPECT_EQ(file->shards()[2].path, path(3));
  EXPECT_EQ(**file->get_string("general.architecture"), "t");
  EXPECT_EQ(file->file_bytes(), fs::file_size(path(1)) + fs::file_size(path(2)) + fs::file_size(path(3)));
}

TEST_F(GgufShards, MissingShardIsNamed) {
  fs::remove(path(2));
  EXPECT_THAT(refusal(), AllOf(HasSubstr("shard 2 of 3 is missing"), HasSubstr(path(2))));
}

TEST_F(GgufShards, SwappedShardsAreSeen) {
  write(path(2), shard(3, "b"));
  write(path(3), shard(2, "a"));
  EXPECT_THAT(refusal(), AllOf(HasSubstr(path(2)), HasSubstr("is shard 3 of 3 but is named as shard 2")));
}

TEST_F(GgufShards, DuplicatedShardIsSeen) {
  fs::copy_file(path(2), path(3), fs::copy_options::overwrite_existing);
  EXPECT_THAT(refusal(), AllOf(HasSubstr(path(3)), HasSubstr("is shard 2 of 3 but is named as shard 3")));
}

TEST_F(GgufShards, TensorInTwoShardsIsSeen) {
  write(path(3), shard(3, "a"));
  EXPECT_THAT(refusal(), AllOf(HasSubstr(path(3)), HasSubstr("the tensor 'a'"), HasSubstr("appears again")));
}

TEST_F(GgufShards, AnotherThanTheFirstIsRefused) {
  EXPECT_THAT(refusal(2), AllOf(HasSubstr("is shard 2 of 3; name the first one"), HasSubstr(path(1))));
}

TEST_F(GgufShards, RenamedFirstFileIsRefused) {
  fs::rename(path(1), folder / "renamed.gguf");
  const auto file = GgufFile::open(folder / "renamed.gguf");
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.error().message(), HasSubstr("its name does not end in -00001-of-00003.gguf"));
}

TEST_F(GgufShards, CountsMustAgree) {
  write(path(3), shard(3, "b", 4));
  EXPECT_THAT(refusal(), HasSubstr("belongs to a model of 4 shards, the first file says 3"));
  write(path(3), shard(3, "b"));
  write(path(1), shard(1, "", 3, 5));
  EXPECT_THAT(refusal(), HasSubstr("hold 2 tensors together, 'split.tensors.count' says 5"));
}

TEST_F(GgufShards, AWholeModelUnderAShardNameIsRefused) {
  write(path(2), gguf_test::worked_example());
  EXPECT_THAT(refusal(), AllOf(HasSubstr(path(2)), HasSubstr("is no shard of a split model")));
}

TEST_F(GgufShards, DamagedShardIsNamed) {
  Bytes bytes = shard(3, "b");
  bytes.pop_back();
  write(path(3), bytes);
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr(path(3) + ": damaged GGUF: the file is cut short"), HasSubstr("at byte")));
}

TEST_F(GgufShards, SplitKeysAreChecked) {
  const auto first = [&](auto&&... entries) {
    RawGguf raw(3, 0, sizeof...(entries));
    (entries(raw), ...);
    write(path(1), raw.bytes());
  };
  const auto count = [](uint16_t n) {
    return [n](RawGguf& raw) { raw.entry("split.count", gguf_test::kU16, n); };
  };
  const auto number = [](uint16_t n) {
    return [n](RawGguf& raw) { raw.entry("split.no", gguf_test::kU16, n); };
  };
  first(count(3));
  EXPECT_THAT(refusal(), HasSubstr("'split.no' is missing"));
  first(count(3), number(3));
  EXPECT_THAT(refusal(), HasSubstr("'split.no' is 3"));
  first(count(3), number(0));
  EXPECT_THAT(refusal(), HasSubstr("without the key 'split.tensors.count'"));
  first(count(1025), number(0));
  EXPECT_THAT(refusal(), HasSubstr("'split.count' is 1025, the limit is 1024"));
  first([](RawGguf& raw) { raw.entry("split.count", gguf_test::kI32, int32_t{-3}); });
  EXPECT_THAT(refusal(), HasSubstr("'split.count' is i32 -3"));
  first([](RawGguf& raw) { raw.entry_text("split.count", "3"); });
  EXPECT_THAT(refusal(), HasSubstr("'split.count' is string \"3\""));
  first(count(1));  // one of one: not split, whatever the name says
  EXPECT_EQ(refusal(), "accepted");
}

TEST(GgufShardNames, SuffixAndPrefix) {
  EXPECT_EQ(shard_suffix(0, 3), "-00001-of-00003.gguf");
  EXPECT_EQ(shard_suffix(1023, 1024), "-01024-of-01024.gguf");
  EXPECT_EQ(shard_prefix("dir/m-00001-of-00003.gguf", 0, 3), "dir/m");
  EXPECT_EQ(shard_prefix("-00001-of-00003.gguf", 0, 3), "");
  EXPECT_FALSE(shard_prefix("dir/m-00002-of-00003.gguf", 0, 3).has_value());
  EXPECT_FALSE(shard_prefix("m.gguf", 0, 3).has_value());
}

// Opening a FIFO waits for somebody who writes.
TEST_F(GgufShards, AFifoIsNoShard) {
  fs::remove(path(2));
  ASSERT_EQ(mkfifo(path(2).c_str(), 0600), 0);
  const auto file = GgufFile::open(path(1));
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.error().message(), AllOf(HasSubstr(path(2)), HasSubstr("it is a pipe")));
}

}  // namespace
}  // namespace gannet
