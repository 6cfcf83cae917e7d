// Mapped files: what is refused, and what happens when one changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/check.h"
#include "base/mapped_file.h"

namespace gannet {
namespace {

namespace fs = std::filesystem;

struct Files : testing::Test {
  fs::path folder = fs::temp_directory_path() / ("gannet_files_test_" + std::to_string(getpid()));
  void SetUp() override { fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }
};

TEST_F(Files, OpenErrorsNameThePath) {
  auto missing = MappedFile::open(folder / "none.gguf");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), ErrorCode::kModelFile);
  EXPECT_NE(missing.error().message().find("none.gguf"), std::string::npos);
}

TEST_F(Files, OnlyRegularFilesAreOpenedAndNothingIsWaitedFor) {
  alarm(60);  // of a FIFO without a writer, for ever
  const std::string fifo = folder / "fifo", socket_path = folder / "socket";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  socket_path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  for (const auto& [path, what] : {std::pair(fifo, "it is a pipe"), std::pair(socket_path, "it is a socket"),
                                   std::pair(folder.string(), "it is a directory"),
                                   std::pair(std::string("/dev/zero"), "it is a device")}) {
    const auto file = MappedFile::open(path);
    ASSERT_FALSE(file.ok()) << path;
    EXPECT_EQ(file.error().code(), ErrorCode::kModelFile);
    EXPECT_THAT(file.error().message(), testing::HasSubstr(what));
    EXPECT_THAT(file.error().message(), testing::HasSubstr(path));
  }
  close(listener);
  alarm(0);
}

TEST_F(Files, ShrunkFileEndsTheProcessWithItsName) {
  const std::string path = folder / "d\x1b";  // which a terminal would obey
  std::ofstream(path) << std::string(1 << 16, 'y');
  EXPECT_EXIT(
      {
        auto map = MappedFile::open(path).take();
        fs::resize_file(path, 0);
        volatile char c = static_cast<char>(map.bytes()[1 << 15]);
        (void)c;
        _exit(0);
      },
      testing::ExitedWithCode(3), testing::HasSubstr("d\\u{1b}: the file shrank"));
}

TEST(Check, AFailureNamesTheFileWithoutThePlaceOfTheBuild) {
  EXPECT_DEATH(GANNET_CHECK(1 > 2), testing::AllOf(testing::HasSubstr("src/base/files_test.cpp"),
                                                   testing::Not(testing::HasSubstr("at /"))));
}

}  // namespace
}  // namespace gannet
