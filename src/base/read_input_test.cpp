#include "base/read_input.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

namespace gannet {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr size_t kLimit = 1000;

struct ReadInput : testing::Test {
  fs::path folder = fs::temp_directory_path() / ("gannet_read_input_test_" + std::to_string(getpid()));
  void SetUp() override { fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }

  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder / name, std::ios::binary) << text;
    return folder / name;
  }
  std::string fifo() {
    const std::string path = folder / "fifo";
    EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
    return path;
  }
};

Error refused(const std::string& path) {
  auto text = read_input(path, {.max_bytes = kLimit, .stop = {}});
  EXPECT_FALSE(text.ok());
  return text.ok() ? Error(ErrorCode::kRuntime, "") : text.take_error();
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n <= 0) return;  // the reader has had enough
    text.remove_prefix(static_cast<size_t>(n));
  }
}

TEST_F(ReadInput, Files) {
  const std::string text("a\0\xFF\r\n", 5), full(kLimit, 'x');
  EXPECT_EQ(read_input(write("text", text), {.max_bytes = kLimit, .stop = {}}).take(), text);
  EXPECT_EQ(read_input(write("empty", ""), {.max_bytes = kLimit, .stop = {}}).take(), "");
  EXPECT_EQ(read_input(write("full", full), {.max_bytes = kLimit, .stop = {}}).take(), full);
  EXPECT_EQ(read_input("/dev/null", {.max_bytes = kLimit, .stop = {}}).take(), "");
  EXPECT_NE(read_input("/proc/self/status", {.max_bytes = size_t{1} << 20, .stop = {}}).take(), "")
      << "a file that does not know its size";
}

TEST_F(ReadInput, RefusalsNameThePathAndTheReason) {
  const Error missing = refused("/nowhere/x"), directory = refused(folder), empty = refused("");
  EXPECT_EQ(missing.code(), ErrorCode::kUsage);
  EXPECT_THAT(missing.message(), HasSubstr("/nowhere/x: cannot be opened: No such file"));
  EXPECT_EQ(directory.code(), ErrorCode::kUsage);
  EXPECT_THAT(directory.message(), HasSubstr(folder.string() + ": is a directory"));
  EXPECT_EQ(empty.code(), ErrorCode::kUsage);
  EXPECT_THAT(empty.message(), HasSubstr("empty"));
  for (const std::string& path : {write("long", std::string(kLimit + 1, 'x')), std::string("/dev/zero")}) {
    const Error error = refused(path);
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_THAT(error.message(), HasSubstr(path + ": holds more than 1000 bytes"));
  }
  auto zeros = read_input("/dev/zero", {.max_bytes = size_t{3} << 20, .stop = {}});
  ASSERT_FALSE(zeros.ok());
  EXPECT_THAT(zeros.error().message(), HasSubstr("more than 3 MiB"));
}

TEST_F(ReadInput, FifosGiveWhatIsWrittenInPieces) {
  const std::string path = fifo();
  std::string text;
  for (int i = 0; i < 50000; ++i) text += std::to_string(i);
  std::thread writer([&] {
    const int fd = open(path.c_str(), O_WRONLY);
    write_all(fd, std::string_view(text).substr(0, 10));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    write_all(fd, std::string_view(text).substr(10));
    close(fd);
  });
  EXPECT_EQ(read_input(path, {.max_bytes = size_t{1} << 20, .stop = {}}).take(), text);
  writer.join();
}

// Descriptor 0 becomes `fd` as long as this lives.
struct AsStdin {
  explicit AsStdin(int fd) : saved(dup(STDIN_FILENO)) { dup2(fd, STDIN_FILENO); }
  ~AsStdin() {
    dup2(saved, STDIN_FILENO);
    close(saved);
  }
  int saved;
};

TEST_F(ReadInput, StdinOfEveryKind) {
  int ends[2];
  for (const char* name : {"-", "/dev/stdin"}) {
    ASSERT_EQ(pipe(ends), 0);
    {
      const AsStdin in(ends[0]);
      write_all(ends[1], "from a pipe");
      close(ends[1]);
      EXPECT_EQ(read_input(name, {.max_bytes = kLimit, .stop = {}}).take(), "from a pipe") << name;
    }
    close(ends[0]);
    // What has no path: it can be read but not opened again.
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    {
      const AsStdin in(ends[0]);
      write_all(ends[1], "from a socket");
      close(ends[1]);
      EXPECT_EQ(read_input(name, {.max_bytes = kLimit, .stop = {}}).take(), "from a socket") << name;
    }
    close(ends[0]);
  }
  ASSERT_EQ(pipe(ends), 0);
  write_all(ends[1], "by number");
  close(ends[1]);
  EXPECT_EQ(read_input("/dev/fd/" + std::to_string(ends[0]), {.max_bytes = kLimit, .stop = {}}).take(),
            "by number");
  close(ends[0]);
  const int directory = open("/", O_RDONLY | O_DIRECTORY);
  {
    const AsStdin in(directory);
    EXPECT_THAT(refused("-").message(), HasSubstr("stdin: is a directory"));
  }
  close(directory);
  EXPECT_EQ(input_name("-"), "stdin");
  EXPECT_EQ(input_name("a/-"), "a/-");
}

// `yes | gannet run`: the reader ends, and with it the writer.
TEST_F(ReadInput, EndlessPipesEndAtTheLimit) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  signal(SIGPIPE, SIG_IGN);
  std::thread writer([&] { write_all(ends[1], std::string(size_t{16} << 20, 'y')); });
  {
    const AsStdin in(ends[0]);
    EXPECT_THAT(refused("-").message(), HasSubstr("stdin: holds more than 1000 bytes"));
  }
  close(ends[0]);
  writer.join();
  close(ends[1]);
}

std::atomic<bool> asked_to_stop{false};

TEST_F(ReadInput, StopEndsTheWait) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  asked_to_stop = false;
  std::thread later([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    asked_to_stop = true;
  });
  {
    const AsStdin in(ends[0]);  // the other end stays open, so reading it would wait for ever
    auto text = read_input("-", {.max_bytes = kLimit, .stop = [] { return asked_to_stop.load(); }});
    ASSERT_FALSE(text.ok());
    EXPECT_EQ(text.error().code(), ErrorCode::kInterrupted);
  }
  later.join();
  close(ends[0]);
  close(ends[1]);
}

TEST_F(ReadInput, ASignalEndsTheWaitForAWriter) {
  asked_to_stop = false;
  struct sigaction action = {}, before = {};
  action.sa_handler = [](int) { asked_to_stop = true; };
  sigaction(SIGUSR1, &action, &before);
  const pthread_t self = pthread_self();
  std::atomic<bool> over{false};
  std::thread later([&] {
    // More than once: the first may come before the wait begins.
    while (!over) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      pthread_kill(self, SIGUSR1);
    }
  });
  auto text = read_input(fifo(), {.max_bytes = kLimit, .stop = [] { return asked_to_stop.load(); }});
  over = true;
  later.join();
  sigaction(SIGUSR1, &before, nullptr);
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.error().code(), ErrorCode::kInterrupted);
}

}  // namespace
}  // namespace gannet
