// Outputs: whole or not at all, what is no file stays what it is, and nothing is left behind or destroyed.
#include "base/atomic_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "base/input_files.h"
#include "base/mapped_file.h"

namespace gannet {
namespace {

namespace fs = std::filesystem;

struct AtomicFileTest : testing::Test {
  fs::path folder = fs::temp_directory_path() / ("gannet_atomic_file_" + std::to_string(getpid()));
  void SetUp() override { fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }

  static std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string put(const std::string& name, const std::string& text) {
    std::ofstream(folder / name, std::ios::binary) << text;
    return folder / name;
  }
  static std::string message(const std::string& path) {
    const Result<AtomicFile> file = AtomicFile::create(path);
    return file.ok() ? "" : file.error().message();
  }
  size_t n_entries() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  }
  static mode_t mode(const fs::path& path) {
    struct stat info = {};
    stat(path.c_str(), &info);
    return info.st_mode & 07777;
  }
};

TEST_F(AtomicFileTest, AbandonedWriteLeavesNothing) {
  {
    auto file = AtomicFile::create(folder / "a").take();
    ASSERT_TRUE(file.write("abc", 3).ok());
  }
  EXPECT_EQ(n_entries(), 0u);
}

TEST_F(AtomicFileTest, CommittedWriteIsReadBack) {
  const std::string path = folder / "b";
  std::string big(3 << 20, 'x');
  auto file = AtomicFile::create(path).take();
  ASSERT_TRUE(file.write("head", 4).ok());
  ASSERT_TRUE(file.write(big.data(), big.size()).ok());
  ASSERT_TRUE(file.commit().ok());
  EXPECT_EQ(read(path), "head" + big);
  EXPECT_EQ(n_entries(), 1u);
}

TEST_F(AtomicFileTest, TooLittleSpaceIsSaidBeforeWriting) {
  auto file = AtomicFile::create(folder / "c", uint64_t{1} << 60);
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().code(), ErrorCode::kOutput);
}

TEST_F(AtomicFileTest, AFullDiskIsAnError) {
  fs::create_symlink("/dev/full", folder / "full");
  const Result<void> full = write_file(folder / "full", "some text");
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().code(), ErrorCode::kOutput);
  EXPECT_THAT(full.error().message(), testing::HasSubstr("make room"));
  // The limit of the process, whose signal would end it.
  EXPECT_EXIT(
      {
        rlimit limit = {};
        limit.rlim_cur = limit.rlim_max = 1 << 16;
        setrlimit(RLIMIT_FSIZE, &limit);
        const Result<void> limited = write_file(folder / "limited", std::string(1 << 18, 'x'));
        fputs(limited.ok() ? "" : limited.error().message().c_str(), stderr);
        _exit(limited.ok() ? 0 : static_cast<int>(limited.error().code()));
      },
      testing::ExitedWithCode(7), "limited: cannot be written: File too large");
}

TEST_F(AtomicFileTest, ADeviceStaysOneAndGetsTheBytes) {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  ASSERT_EQ(grantpt(terminal), 0);
  ASSERT_EQ(unlockpt(terminal), 0);
  const std::string device = ptsname(terminal);
  const int keeps_it_open = open(device.c_str(), O_RDWR | O_NOCTTY);
  ASSERT_TRUE(write_file(device, "text").ok());
  char seen[5] = {};
  EXPECT_EQ(::read(terminal, seen, 4), 4);
  EXPECT_STREQ(seen, "text");
  EXPECT_TRUE(fs::is_character_file(device));
  close(keeps_it_open);
  close(terminal);
}

TEST_F(AtomicFileTest, AFifoStaysOneAndGetsTheBytes) {
  const std::string fifo = folder / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  std::string seen;
  std::thread reader([&] { seen = read(fifo); });
  const std::string big(3 << 20, 'x');
  EXPECT_TRUE(write_file(fifo, big).ok());
  if (!fs::is_fifo(fifo)) std::ofstream(fifo).close();
  reader.join();
  EXPECT_EQ(seen, big);
  EXPECT_TRUE(fs::is_fifo(fifo));
  EXPECT_EQ(n_entries(), 1u);
}

TEST_F(AtomicFileTest, StdoutHasTheNameOfADash) {
  const std::string path = folder / "stdout", device = folder / "device";
  fs::create_symlink("/dev/stdout", device);
  EXPECT_EXIT(
      {
        EXPECT_NE(freopen(path.c_str(), "w", stdout), nullptr);
        fputs("before ", stdout);
        const bool ok = write_file("-", "dash ").ok() && write_file(device, "device").ok();
        _exit(ok ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
  EXPECT_EQ(read(path), "before dash device");
  EXPECT_FALSE(fs::exists("-"));
}

TEST_F(AtomicFileTest, SymbolicLinksStayAndAreFollowed) {
  fs::create_directories(folder / "deep");
  put("deep/target", "old");
  fs::create_symlink("deep/step", folder / "link");
  fs::create_symlink("target", folder / "deep/step");
  ASSERT_TRUE(write_file(folder / "link", "new").ok());
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_TRUE(fs::is_symlink(folder / "deep/step"));
  EXPECT_EQ(read(folder / "deep/target"), "new");
  // To a place where nothing is yet.
  fs::remove(folder / "deep/target");
  ASSERT_TRUE(write_file(folder / "link", "again").ok());
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(read(folder / "deep/target"), "again");
  EXPECT_FALSE(fs::is_symlink(folder / "deep/target"));
}

TEST_F(AtomicFileTest, AnInputIsNoOutput) {
  const std::string model = put("model", "weights");
  fs::create_symlink(model, folder / "link");
  fs::create_hard_link(model, folder / "hard");
  {
    const MappedFile map = MappedFile::open(model).take();
    for (const char* name : {"model", "link", "hard"}) {
      const Result<AtomicFile> file = AtomicFile::create(folder / name);
      ASSERT_FALSE(file.ok()) << name;
      EXPECT_EQ(file.error().code(), ErrorCode::kUsage);
      EXPECT_THAT(file.error().message(), testing::HasSubstr("is an input"));
      EXPECT_FALSE(AtomicFile::check(folder / name).ok());
    }
    EXPECT_EQ(n_entries(), 3u);
    EXPECT_TRUE(write_file(folder / "other", "x").ok());
  }
  EXPECT_TRUE(write_file(model, "new").ok());  // nobody reads it any more
  const std::string list = put("list", "1 2 3");
  const int fd = open(list.c_str(), O_RDONLY);
  remember_input(fd, list);
  close(fd);
  EXPECT_FALSE(write_file(list, "x").ok());
  EXPECT_EQ(read(list), "1 2 3");
}

TEST_F(AtomicFileTest, OfTwoWritersTheLastWinsWhole) {
  const std::string path = folder / "o";
  auto first = AtomicFile::create(path).take();
  auto second = AtomicFile::create(path).take();
  const std::string a(3 << 20, 'a'), b(2 << 20, 'b');
  ASSERT_TRUE(first.write(a.data(), a.size()).ok());
  ASSERT_TRUE(second.write(b.data(), b.size()).ok());
  EXPECT_FALSE(fs::exists(path));
  ASSERT_TRUE(second.commit().ok());
  EXPECT_EQ(read(path), b);
  ASSERT_TRUE(first.commit().ok());
  EXPECT_EQ(read(path), a);
  EXPECT_EQ(n_entries(), 1u);
}

// Under the name that temporary files once had, which anybody could know.
TEST_F(AtomicFileTest, APlantedLinkIsNotFollowed) {
  const std::string victim = put("victim", "precious");
  fs::create_symlink(victim, folder / "o.partial");
  ASSERT_TRUE(write_file(folder / "o", "text").ok());
  EXPECT_EQ(read(victim), "precious");
  EXPECT_EQ(read(folder / "o"), "text");
}

TEST_F(AtomicFileTest, ModesAreThoseOfTheUmaskOrOfTheOldFile) {
  const mode_t before = umask(027);
  EXPECT_TRUE(write_file(folder / "new", "x").ok());
  EXPECT_EQ(mode(folder / "new"), 0640u);
  umask(before);
  const std::string old = put("old", "x");
  fs::permissions(old, fs::perms(0604));
  EXPECT_TRUE(write_file(old, "y").ok());
  EXPECT_EQ(mode(old), 0604u);
}

TEST_F(AtomicFileTest, NothingIsLeftWhenTheProcessEnds) {
  const auto began = [&] {
    // Never destroyed, and reachable to the end: what removes the file is not its destructor.
    static auto* const file = new AtomicFile(AtomicFile::create(folder / "o").take());
    return file->write("abc", 3).ok() && n_entries() == 1;
  };
  for (int s : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU, SIGALRM, SIGUSR1, SIGABRT, SIGRTMIN}) {
    EXPECT_EXIT(
        {
          if (began()) raise(s);
          sleep(10);  // a sanitizer may deliver it only when something waits
          _exit(0);
        },
        testing::KilledBySignal(s), "");
    EXPECT_EQ(n_entries(), 0u) << strsignal(s);
  }
  EXPECT_EXIT(exit(began() ? 5 : 0), testing::ExitedWithCode(5), "");
  EXPECT_EQ(n_entries(), 0u);
  EXPECT_EXIT(
      {
        const bool ok = began();
        remove_temporary_files();
        _exit(ok ? 6 : 0);
      },
      testing::ExitedWithCode(6), "");
  EXPECT_EQ(n_entries(), 0u);
  // A child does not clean up for its parent, and an ignored signal stays ignored.
  auto file = AtomicFile::create(folder / "o").take();
  EXPECT_EXIT(exit(0), testing::ExitedWithCode(0), "");
  EXPECT_EQ(n_entries(), 1u);
  EXPECT_EXIT(
      {
        signal(SIGHUP, SIG_IGN);
        if (began()) raise(SIGHUP);
        _exit(8);
      },
      testing::ExitedWithCode(8), "");
}

TEST_F(AtomicFileTest, WhatCannotBeWrittenIsSaidWithItsName) {
  EXPECT_EQ(AtomicFile::create("").error().code(), ErrorCode::kUsage);
  EXPECT_THAT(message(folder), testing::HasSubstr("it is a directory; name a file in it"));
  EXPECT_THAT(message(folder / "none/o"), testing::HasSubstr("none: No such file or directory"));
  EXPECT_THAT(message((folder / "none").string() + "/"), testing::HasSubstr("no such directory"));
  EXPECT_THAT(message(put("file", "x") + "/o"), testing::HasSubstr("Not a directory"));
  fs::create_symlink("loop", folder / "loop");
  EXPECT_THAT(message(folder / "loop"), testing::HasSubstr("Too many levels of symbolic links"));
  EXPECT_THAT(message(folder / std::string(300, 'n')), testing::HasSubstr("File name too long"));
  EXPECT_TRUE(write_file(folder / std::string(255, 'n'), "the longest").ok());
}

TEST_F(AtomicFileTest, RightsOfFilesAndFoldersCount) {
  const std::string locked = put("locked", "old"), open_file = put("open", "old");
  fs::permissions(locked, fs::perms(0444));
  fs::permissions(open_file, fs::perms(0666));
  fs::permissions(folder, fs::perms(0755));
  // The superuser may do everything, so be somebody else.
  const bool superuser = geteuid() == 0;
  if (superuser) {
    ASSERT_EQ(seteuid(65534), 0);
  } else {
    fs::permissions(folder, fs::perms(0555));
  }
  EXPECT_THAT(message(locked), testing::HasSubstr("locked: cannot be written: Permission denied"));
  EXPECT_THAT(message(open_file), testing::HasSubstr("no file can be made in folder"));
  EXPECT_FALSE(AtomicFile::check(open_file).ok());
  if (superuser) {
    ASSERT_EQ(seteuid(0), 0);
  } else {
    fs::permissions(folder, fs::perms(0755));
  }
  EXPECT_EQ(read(open_file), "old");
  EXPECT_TRUE(AtomicFile::check(open_file).ok());
  EXPECT_EQ(n_entries(), 2u);
}

}  // namespace
}  // namespace gannet
