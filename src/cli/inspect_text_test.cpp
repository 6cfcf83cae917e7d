// The text of `gannet inspect` and `gannet gguf verify` for a file made by hand.
#include "cli/inspect_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "cli/gguf_verify.h"
#include "gguf/test_files.h"

namespace gannet {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(InspectText, CardMetadataTensorsAndTypes) {
  gguf_test::RawGguf raw(3, 2, 4);
  raw.entry_text("general.architecture", "qwen3");
  raw.entry_text("general.name", "A\x1b[31m name");
  raw.entry("general.file_type", gguf_test::kU32, uint32_t{15});
  raw.entry_texts("tokenizer.ggml.tokens", {"a", "b", "c", "d", "e", "f", "g", "h"});
  raw.tensor("x.weight", {64, 2}, gguf_test::kTensorQ8_0, 0).tensor("norm", {8}, gguf_test::kTensorF32, 160);
  raw.align(32).zeros(160 + 32);
  const GgufFile file = GgufFile::parse(raw.bytes(), "m.gguf").take();
  const std::string text = inspect_container(file, false);
  EXPECT_THAT(text, HasSubstr("file          m.gguf\n"));
  EXPECT_THAT(text, HasSubstr("name          A\\u{1b}[31m name\n"));
  EXPECT_THAT(text, HasSubstr("architecture  qwen3\n"));
  EXPECT_THAT(text, HasSubstr("file type     Q4_K_M (number 15)\n"));
  EXPECT_THAT(text, HasSubstr("tensors       2, 136 parameters\n"));
  EXPECT_THAT(text, HasSubstr("bits          9.882 per parameter\n"));  // 168 bytes * 8 / 136
  EXPECT_THAT(text, HasSubstr("[\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", ... +2]\n"));
  EXPECT_THAT(text, HasSubstr("  x.weight  Q8_0  [2, 64]  136 B\n"));
  EXPECT_THAT(text, HasSubstr("  norm      F32   [8]       32 B\n"));
  EXPECT_THAT(text, HasSubstr("  Q8_0  1 tensor  128  136 B  81.0 %\n"));
  EXPECT_THAT(inspect_container(file, true), HasSubstr("\"g\", \"h\"]\n"));
}

TEST(InspectText, LongTensorListsAreCutUnlessAllIsAsked) {
  gguf_test::RawGguf raw(3, 100, 0);
  for (uint64_t i = 0; i < 100; ++i) raw.tensor("t" + std::to_string(i), {8}, gguf_test::kTensorF32, i * 32);
  raw.align(32).zeros(3200);
  const GgufFile file = GgufFile::parse(raw.bytes(), "m.gguf").take();
  const std::string cut = inspect_container(file, false);
  EXPECT_THAT(cut, HasSubstr("... 40 more (--all shows them)\n"));
  EXPECT_THAT(cut, HasSubstr("  t29 "));
  EXPECT_THAT(cut, Not(HasSubstr("  t30 ")));
  EXPECT_THAT(cut, Not(HasSubstr("  t69 ")));
  EXPECT_THAT(cut, HasSubstr("  t70 "));
  const std::string all = inspect_container(file, true);
  for (int i = 0; i < 100; ++i) EXPECT_THAT(all, HasSubstr("  t" + std::to_string(i) + " "));
}

TEST(InspectText, FileTypeNames) {
  EXPECT_EQ(file_type_name(0), "F32");
  EXPECT_EQ(file_type_name(2), "Q4_0");
  EXPECT_EQ(file_type_name(4), "");
  EXPECT_EQ(file_type_name(7), "Q8_0");
  EXPECT_EQ(file_type_name(10), "Q2_K");
  EXPECT_EQ(file_type_name(18), "Q6_K");
  EXPECT_EQ(file_type_name(19), "IQ2_XXS");
  EXPECT_EQ(file_type_name(24), "IQ1_S");
  EXPECT_EQ(file_type_name(31), "IQ1_M");
  EXPECT_EQ(file_type_name(32), "BF16");
  EXPECT_EQ(file_type_name(36), "TQ1_0");
  EXPECT_EQ(file_type_name(38), "MXFP4_MOE");
  EXPECT_EQ(file_type_name(41), "Q2_0");
  EXPECT_EQ(file_type_name(42), "");
}

TEST(InspectText, HumanBytes) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1536), "1.50 KiB");
  EXPECT_EQ(human_bytes(uint64_t{5} << 30), "5.00 GiB");
}

TEST(GgufVerifyCommand, UnsoundFileIsReportedAndFails) {
  const std::string path = std::filesystem::temp_directory_path() /
                           ("gannet_verify_command_" + std::to_string(getpid()) + ".gguf");
  gguf_test::Bytes bytes = gguf_test::worked_example();
  const float nan = std::bit_cast<float>(0x7FC00000);
  std::memcpy(bytes.data() + 128 + 8, &nan, sizeof(nan));
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  testing::internal::CaptureStdout();
  const auto result = run_gguf_verify(path, {}, nullptr);
  const std::string text = testing::internal::GetCapturedStdout();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kModelFile);
  EXPECT_THAT(result.error().message(), HasSubstr("1 tensor with values that are not finite"));
  EXPECT_THAT(
      text, HasSubstr("bad: a (F32): 1 of 4 values not finite or out of range, first in row 0, column 2, at "
                      "byte 136\n"));
  EXPECT_THAT(
      text,
      HasSubstr("damaged: 1 metadata entry, 1 tensor, 16 bytes of tensor data checked; 1 tensor unsound\n"));
  EXPECT_EQ(run_gguf_verify(path, {}, [] { return true; }).error().code(), ErrorCode::kInterrupted);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace gannet
