// The contents check: unsound blocks are found wherever they are, and sound files are called sound.
#include "gguf/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "gguf/test_files.h"
#include "gguf/writer.h"

namespace gannet {
namespace {

namespace fs = std::filesystem;
using gguf_test::Bytes;

constexpr uint16_t kInfF16 = 0x7C00;
constexpr uint16_t kNanF16 = 0x7E01;

void poke(Bytes& bytes, uint64_t at, uint16_t value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
}

VerifyReport verify(const Bytes& bytes, const VerifyOptions& options = {}) {
  const GgufFile file = GgufFile::parse(bytes, "v.gguf").take();
  auto report = verify_gguf(file, options);
  EXPECT_TRUE(report.ok());
  return report.take();
}

TEST(GgufVerify, SoundFileIsSound) {
  const VerifyReport report = verify(gguf_test::rich_file());
  EXPECT_TRUE(report.sound());
  EXPECT_EQ(report.n_entries, 26u);
  EXPECT_EQ(report.n_tensors, 5u);
  EXPECT_EQ(report.data_bytes, 20u + 102 + 28 + 576 + 24);
  ASSERT_EQ(report.shards.size(), 1u);
  EXPECT_EQ(report.shards[0].trailing_bytes, 0u);
}

TEST(GgufVerify, BadScaleIsPlaced) {
  Bytes bytes = gguf_test::rich_file();
  const GgufFile file = GgufFile::parse(bytes, "v.gguf").take();
  const uint64_t matrix = file.find_tensor("matrix")->file_offset;    // Q8_0 [3, 32]
  const uint64_t experts = file.find_tensor("experts")->file_offset;  // Q4_K [2, 2, 256]
  const uint64_t half = file.find_tensor("half")->file_offset;        // F16 [2, 7]
  poke(bytes, matrix + 2 * 34, kNanF16);
  poke(bytes, experts + 1 * 144 + 2, kInfF16);  // dmin
  poke(bytes, experts + 3 * 144, kInfF16);      // d
  poke(bytes, half + 2 * 9, kInfF16);
  const VerifyReport report = verify(bytes);
  ASSERT_EQ(report.bad.size(), 3u);
  EXPECT_EQ(report.bad[0].name, "matrix");
  EXPECT_EQ(report.bad[0].row, 2);
  EXPECT_EQ(report.bad[0].block, 0);
  EXPECT_EQ(report.bad[0].file_offset, matrix + 68);
  EXPECT_EQ(report.bad[0].bad_blocks, 1);
  EXPECT_EQ(report.bad[0].total_blocks, 3);
  EXPECT_EQ(report.bad[1].name, "half");
  EXPECT_EQ(report.bad[1].row, 1);
  EXPECT_EQ(report.bad[1].block, 2);
  EXPECT_EQ(report.bad[1].file_offset, half + 18);
  EXPECT_EQ(report.bad[2].name, "experts");
  EXPECT_EQ(report.bad[2].row, 1);
  EXPECT_EQ(report.bad[2].bad_blocks, 2);
  EXPECT_EQ(report.bad[2].file_offset, experts + 144);
}

// Several pieces of work, bad blocks at the ends and at the seams, one and several threads.
TEST(GgufVerify, EveryPieceIsChecked) {
  const std::string path =
      fs::temp_directory_path() / ("gannet_verify_" + std::to_string(getpid()) + ".gguf");
  constexpr int64_t kRows = 100'000, kColumns = 128;  // Q8_0: 13.6 MB
  GgufBuilder builder;
  builder.add_tensor("w", DType::kQ8_0, Shape(kRows, kColumns));
  Bytes data(static_cast<size_t>(row_bytes(DType::kQ8_0, kRows * kColumns)));
  constexpr int64_t kBlocks = kRows * kColumns / 32;
  constexpr int64_t kSeam = (4 << 20) / 34;
  for (const int64_t block : {kSeam - 1, kSeam, kBlocks - 1})
    poke(data, static_cast<uint64_t>(block) * 34, kNanF16);
  auto writer = GgufWriter::create(path, builder).take();
  writer.write_tensor("w", data).take();
  writer.finish().take();
  for (const int threads : {1, 3}) {
    uint64_t last_done = 0;
    const auto report = verify_gguf(path, {.threads = threads}, [&](uint64_t done, uint64_t total) {
      EXPECT_LE(last_done, done);
      EXPECT_LE(done, total);
      last_done = done;
      return true;
    });
    ASSERT_TRUE(report.ok());
    ASSERT_EQ(report->bad.size(), 1u);
    EXPECT_EQ(report->bad[0].bad_blocks, 3);
    EXPECT_EQ(report->bad[0].row, (kSeam - 1) / 4);
    EXPECT_EQ(report->bad[0].block, (kSeam - 1) % 4);
    EXPECT_EQ(last_done, data.size());
  }
  const auto stopped = verify_gguf(path, {}, [](uint64_t, uint64_t) { return false; });
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().code(), ErrorCode::kInterrupted);
  fs::remove(path);
}

TEST(GgufVerify, UnalignedDataIsRead) {
  gguf_test::RawGguf raw(3, 2, 1);
  raw.entry("general.alignment", gguf_test::kU32, uint32_t{1});
  raw.tensor("ab", {3}, gguf_test::kTensorF32, 0).tensor("c", {1}, gguf_test::kTensorF16, 12);
  raw.put(1.0f).put(std::bit_cast<float>(0x7F800001)).put(2.0f).put(kInfF16);
  const VerifyReport report = verify(raw.bytes());
  ASSERT_EQ(report.bad.size(), 2u);
  EXPECT_EQ(report.bad[0].block, 1);
  EXPECT_EQ(report.bad[1].block, 0);
}

TEST(GgufVerify, Sha256AndTrailingBytes) {
  EXPECT_EQ(sha256_hex({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Bytes bytes = gguf_test::worked_example();
  bytes.resize(bytes.size() + 16 + 5);  // the padding of the last tensor, and 5 bytes of something else
  const VerifyReport report = verify(bytes, {.sha256 = true});
  EXPECT_EQ(report.shards[0].sha256, sha256_hex(bytes));
  EXPECT_EQ(report.shards[0].trailing_bytes, 5u);
  EXPECT_EQ(report.shards[0].bad_padding, 0u);
  EXPECT_FALSE(report.sound());
  EXPECT_TRUE(verify(bytes).shards[0].sha256.empty());
}

TEST(GgufVerify, PaddingIsZero) {
  const Bytes sound = gguf_test::rich_file();
  const GgufFile file = GgufFile::parse(sound, "v.gguf").take();
  const GgufShard& shard = file.shards()[0];
  ASSERT_LT(shard.header_end, shard.data_start);
  const GgufTensor* half = file.find_tensor("half");  // F16 [2, 7]: 28 bytes of 32
  for (const uint64_t at : {shard.header_end, shard.data_start - 1, half->file_offset + 28}) {
    Bytes bytes = sound;
    bytes[at] = std::byte{1};
    const VerifyReport report = verify(bytes);
    EXPECT_EQ(report.shards[0].bad_padding, 1u) << at;
    EXPECT_FALSE(report.sound());
  }
}

TEST(GgufVerify, RealFilesAreSound) {
  int checked = 0;
  for (const char* path : {"../shared/pocket/pocket-q8_0.gguf", "../shared/pocket/pocket-f16.gguf",
                           "../shared/oracle/qwen35moe.gguf"}) {
    if (!fs::exists(path)) continue;
    const auto report = verify_gguf(path, {.threads = 2});
    ASSERT_TRUE(report.ok()) << report.error().message();
    EXPECT_TRUE(report->sound()) << path << ": " << report->bad.front().name;
    ++checked;
  }
  if (checked == 0) GTEST_SKIP() << "../shared with real model files is not here";
}

}  // namespace
}  // namespace gannet
