#include "cli/input_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace gannet {
namespace {

using testing::HasSubstr;

// Each ASCII character in units of `width` bytes.
std::string wide(std::string_view text, size_t width, bool big_endian) {
  std::string out;
  for (char c : text) {
    std::string unit(width, '\0');
    unit[big_endian ? width - 1 : 0] = c;
    out += unit;
  }
  return out;
}

std::string refusal(const std::string& bytes) {
  auto text = text_of(bytes, "prompt.txt");
  EXPECT_FALSE(text.ok()) << testing::PrintToString(bytes);
  if (text.ok()) return "";
  EXPECT_EQ(text.error().code(), ErrorCode::kUsage);
  return text.error().message();
}

TEST(InputText, TheMarkOfUtf8IsDroppedOnce) {
  EXPECT_EQ(text_of("\xEF\xBB\xBFhi\n", "x").take(), "hi\n");
  EXPECT_EQ(text_of("\xEF\xBB\xBF\xEF\xBB\xBFhi", "x").take(), "\xEF\xBB\xBFhi");
  EXPECT_EQ(text_of("hi\xEF\xBB\xBF", "x").take(), "hi\xEF\xBB\xBF");
  EXPECT_EQ(text_of("\xEF\xBB\xBF", "x").take(), "");
}

TEST(InputText, OtherEncodingsAreRefusedByName) {
  EXPECT_EQ(refusal("\xFF\xFE" + wide("hi", 2, false)),
            "prompt.txt: is text in UTF-16, and UTF-8 is needed; `iconv -f UTF-16 -t UTF-8` converts it");
  EXPECT_THAT(refusal("\xFE\xFF" + wide("hi", 2, true)), HasSubstr("-f UTF-16 "));
  EXPECT_THAT(refusal("\xFF\xFE"), HasSubstr("-f UTF-16 "));
  EXPECT_THAT(refusal(std::string("\xFF\xFE\0\0", 4) + wide("hi", 4, false)), HasSubstr("-f UTF-32 "));
  EXPECT_THAT(refusal(std::string("\0\0\xFE\xFF", 4) + wide("hi", 4, true)), HasSubstr("-f UTF-32 "));
  EXPECT_THAT(refusal(wide("define harbor\r\n", 2, false)), HasSubstr("-f UTF-16LE "));
  EXPECT_THAT(refusal(wide("define harbor\r\n", 2, true)), HasSubstr("-f UTF-16BE "));
  EXPECT_THAT(refusal(wide("define harbor\r\n", 4, false)), HasSubstr("-f UTF-32LE "));
  EXPECT_THAT(refusal(wide("define harbor\r\n", 4, true)), HasSubstr("-f UTF-32BE "));
  EXPECT_THAT(refusal(wide("caf\xE9 and more words", 2, false)), HasSubstr("-f UTF-16LE "));
  // A curly quote here and there.
  EXPECT_THAT(refusal("\x1C\x20" + wide("some words", 2, false) + "\x1D\x20"), HasSubstr("-f UTF-16LE "));
}

TEST(InputText, EverythingElseStaysAsItIs) {
  std::string binary;
  for (int i = 0; i < 4096; ++i) binary += static_cast<char>(i * 7);
  for (const std::string& bytes :
       {std::string(), std::string("a\0b", 3), std::string("a\0b\0", 4), std::string(64, '\0'),
        std::string("one\0two\0three\0four\0five\0", 24), std::string("\xFF"), std::string("\xFF\xFB\x90"),
        std::string("a\r\nb\r\n"), std::string("\xE2\x82"), binary})
    EXPECT_EQ(text_of(bytes, "x").take(), bytes) << testing::PrintToString(bytes);
}

TEST(InputText, OneFinalLineEndIsNoPartOfAPrompt) {
  EXPECT_EQ(without_final_newline("hi\n"), "hi");
  EXPECT_EQ(without_final_newline("hi\r\n"), "hi");
  EXPECT_EQ(without_final_newline("hi\n\n"), "hi\n");
  EXPECT_EQ(without_final_newline("a\r\nb\r\n\r\n"), "a\r\nb\r\n");
  EXPECT_EQ(without_final_newline("hi\r"), "hi\r");
  EXPECT_EQ(without_final_newline("hi "), "hi ");
  EXPECT_EQ(without_final_newline("\n"), "");
  EXPECT_EQ(without_final_newline(""), "");
}

TEST(InputText, FilesAreReadEitherWay) {
  const std::string path =
      std::filesystem::temp_directory_path() / ("gannet_input_text_test_" + std::to_string(getpid()));
  std::ofstream(path, std::ios::binary) << "\xEF\xBB\xBFtwo\r\nlines\r\n";
  EXPECT_EQ(read_text(path).take(), "two\r\nlines\r\n");
  EXPECT_EQ(read_prompt_file(path).take(), "two\r\nlines");
  std::ofstream(path, std::ios::binary) << "\xFF\xFEh" << '\0';
  for (auto* read : {&read_text, &read_prompt_file}) {
    auto text = (*read)(path);
    ASSERT_FALSE(text.ok());
    EXPECT_THAT(text.error().message(), HasSubstr(path + ": is text in UTF-16"));
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace gannet
