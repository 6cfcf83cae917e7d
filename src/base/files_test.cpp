#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/atomic_file.h"
#include "base/mapped_file.h"

namespace gannet {
namespace {

namespace fs = std::filesystem;

struct Files : testing::Test {
  fs::path folder = fs::temp_directory_path() / "gannet_files_test";
  void SetUp() override { fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }
};

TEST_F(Files, AbandonedWriteLeavesNothing) {
  const std::string path = folder / "a";
  {
    auto file = AtomicFile::create(path).take();
    ASSERT_TRUE(file.write("abc", 3).ok());
  }
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST_F(Files, CommittedWriteIsReadBack) {
  const std::string path = folder / "b";
  std::string big(3 << 20, 'x');
  auto file = AtomicFile::create(path).take();
  ASSERT_TRUE(file.write("head", 4).ok());
  ASSERT_TRUE(file.write(big.data(), big.size()).ok());
  ASSERT_TRUE(file.commit().ok());
  auto map = MappedFile::open(path).take();
  ASSERT_EQ(map.bytes().size(), big.size() + 4);
  EXPECT_EQ(static_cast<char>(map.bytes()[3]), 'd');
  EXPECT_EQ(static_cast<char>(map.bytes()[4]), 'x');
}

TEST_F(Files, TooLittleSpaceIsSaidBeforeWriting) {
  auto file = AtomicFile::create(folder / "c", uint64_t{1} << 60);
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().code(), ErrorCode::kOutput);
}

TEST_F(Files, OpenErrorsNameThePath) {
  auto missing = MappedFile::open(folder / "none.gguf");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), ErrorCode::kModelFile);
  EXPECT_NE(missing.error().message().find("none.gguf"), std::string::npos);
  EXPECT_FALSE(MappedFile::open(folder).ok());
}

TEST_F(Files, ShrunkFileEndsTheProcessWithItsName) {
  const std::string path = folder / "d";
  std::ofstream(path) << std::string(1 << 16, 'y');
  EXPECT_EXIT(
      {
        auto map = MappedFile::open(path).take();
        fs::resize_file(path, 0);
        volatile char c = static_cast<char>(map.bytes()[1 << 15]);
        (void)c;
        _exit(0);
      },
      testing::ExitedWithCode(3), "the file shrank");
}

}  // namespace
}  // namespace gannet
