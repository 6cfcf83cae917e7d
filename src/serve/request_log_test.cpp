// The log of requests, and what systemd is told.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "http/http_client_for_test.h"
#include "serve/request_log.h"
#include "serve/service_manager.h"

namespace gannet {
namespace {

using std::chrono::system_clock;

HttpAccess access(std::string_view path, int status = 200) {
  return {.method = "POST",
          .path = path,
          .peer = "10.0.0.1",
          .id = "r1",
          .key_id = "",
          .status = status,
          .seconds = 1.5};
}

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(RequestLogTest, Lines) {
  const auto when = system_clock::time_point(std::chrono::milliseconds(1'700'000'000'007));
  HttpAccess one = access("/v1/messages");
  EXPECT_EQ(log_line(one, nullptr, when, {.timestamps = false}),
            "id=r1 method=POST path=/v1/messages status=200 client=10.0.0.1 total_s=1.5\n");
  RequestNote::Facts facts{
      .model = "a b", .n_prompt = 20, .n_cached = 5, .n_generated = 7, .first_token = 0.25, .end = "stop"};
  one.key_id = "k1";
  EXPECT_EQ(log_line(one, &facts, when, {}),
            "time=2023-11-14T22:13:20.007Z id=r1 method=POST path=/v1/messages status=200 client=k1 "
            "model=\"a b\" n_prompt=20 n_cached=5 n_generated=7 first_token_s=0.25 total_s=1.5 end=stop\n");
  const HttpAbort gone = HttpAbort::kClientGone;
  one.abort = &gone;
  const auto json = nlohmann::json::parse(log_line(one, &facts, when, {.json = true, .timestamps = false}));
  EXPECT_EQ(json["time"], "2023-11-14T22:13:20.007Z");
  EXPECT_EQ(json["n_cached"], 5);
  EXPECT_EQ(json["end"], "client_gone");
}

// One line and nothing for the terminal, whatever clients send.
TEST(RequestLogTest, HostileTexts) {
  for (const char* path :
       {"/a\nid=r2 status=200", "/\x1b[2J", "/\xff\xfe", "/\u202e", "/\" end=\"x", "/a=b", "", "/\u009b1m"})
    for (const bool json : {false, true}) {
      const std::string line = log_line(access(path), nullptr, {}, {.json = json});
      EXPECT_EQ(line.find('\n'), line.size() - 1);
      for (const unsigned char c : line.substr(0, line.size() - 1)) EXPECT_TRUE(c >= ' ' && c < 0x7f) << line;
      if (json)
        EXPECT_EQ(nlohmann::json::parse(line)["status"], 200);
      else
        EXPECT_EQ(line.find(" status=200 client=10.0.0.1"), line.rfind(" status=")) << line;
    }
  EXPECT_LT(log_line(access(std::string(8000, 'a')), nullptr, {}, {}).size(), 500u);
}

struct LogFileTest : testing::Test {
  std::string folder = testing::TempDir() + "request_log." + std::to_string(::getpid());
  std::string file = folder + "/requests.log";
  void SetUp() override { std::filesystem::create_directories(folder); }
  void TearDown() override { std::filesystem::remove_all(folder); }
};

TEST_F(LogFileTest, FilesAreAddedToAndBegunAnew) {
  EXPECT_FALSE(RequestLog::open({.file = folder + "/no/file"}).ok());
  { RequestLog::open({.file = file}).take()->add(access("/one")); }
  struct stat facts {};
  ASSERT_EQ(::stat(file.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  auto log = RequestLog::open({.file = file}).take();
  log->add(access("/two"));
  log->add(access("/health"));
  EXPECT_TRUE(eventually([&] { return read(file).find("/two") != std::string::npos; }));
  EXPECT_NE(read(file).find("/one"), std::string::npos);
  EXPECT_EQ(read(file).find("/health"), std::string::npos);
  std::filesystem::rename(file, file + ".1");
  log->reopen();
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(file); }));
  log->add(access("/health", 503));
  log = nullptr;
  EXPECT_NE(read(file).find("/health"), std::string::npos);
  EXPECT_EQ(read(file).find("/two"), std::string::npos);
}

TEST_F(LogFileTest, AFullDiskIsToldOnce) {
  std::atomic<int> told = 0;
  auto log = RequestLog::open({.file = "/dev/full", .warn = [&](const std::string&) { ++told; }}).take();
  log->add(access("/one"));
  EXPECT_TRUE(eventually([&] { return told == 1; }));
  log->add(access("/two"));
  log = nullptr;
  EXPECT_EQ(told, 1);
}

// Whoever adds lines waits for nobody, and neither does the end of the log, for long.
TEST_F(LogFileTest, NobodyReads) {
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  const int reader = ::open(file.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  auto log = RequestLog::open({.file = file}).take();
  const auto began = std::chrono::steady_clock::now();
  const std::string path(200, 'p');
  for (int i = 0; i < 20000; ++i) log->add(access(path));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(3));
  // With a reader again: what was left out is counted.
  std::string all;
  char buffer[65536];
  EXPECT_TRUE(eventually([&] {
    ssize_t n;
    while ((n = ::read(reader, buffer, sizeof buffer)) > 0) all.append(buffer, static_cast<size_t>(n));
    if (all.find("left_out=") == std::string::npos) log->add(access("/more"));
    return all.find("left_out=") != std::string::npos;
  }));
  for (int i = 0; i < 2000; ++i) log->add(access(path));
  const auto ending = std::chrono::steady_clock::now();
  log = nullptr;
  EXPECT_LT(std::chrono::steady_clock::now() - ending, std::chrono::seconds(4));
  ::close(reader);
}

struct ServiceManagerTest : testing::Test {
  std::string path = testing::TempDir() + "notify." + std::to_string(::getpid());
  int socket = -1;
  void SetUp() override {
    socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ::unlink(path.c_str());
    ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  void TearDown() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
    ::close(socket);
    ::unlink(path.c_str());
  }
  // The next datagram; empty: none comes within the time.
  std::string next(int milliseconds = 2000) const {
    pollfd p{socket, POLLIN, 0};
    if (::poll(&p, 1, milliseconds) != 1) return "";
    char buffer[4096];
    const ssize_t n = ::recv(socket, buffer, sizeof buffer, 0);
    return {buffer, n > 0 ? static_cast<size_t>(n) : 0};
  }
};

TEST_F(ServiceManagerTest, ReadyAndStopping) {
  const auto manager = ServiceManager::from_environment().take();
  EXPECT_EQ(std::getenv("NOTIFY_SOCKET"), nullptr);  // not for what this program might start
  EXPECT_FALSE(manager->has_watchdog());
  manager->ready("one\nSTOPPING=1");
  EXPECT_EQ(next(), "READY=1\nSTATUS=one STOPPING=1\nMAINPID=" + std::to_string(::getpid()));
  manager->stopping();
  EXPECT_EQ(next(), "STOPPING=1");
  EXPECT_EQ(next(50), "");
}

TEST_F(ServiceManagerTest, TheWatchdogHearsOfTheLivingOnly) {
  ::setenv("WATCHDOG_USEC", "40000", 1);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  const auto manager = ServiceManager::from_environment().take();
  ASSERT_TRUE(manager->has_watchdog());
  std::atomic<bool> alive = true;
  std::atomic<int64_t> most = 0;
  manager->watch([&](std::chrono::microseconds us) {
    most = us.count();
    return alive.load();
  });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(next(), "WATCHDOG=1");
  EXPECT_EQ(most, 20000);
  alive = false;
  while (!next(100).empty()) {
  }
  EXPECT_EQ(next(200), "");
  alive = true;
  EXPECT_EQ(next(), "WATCHDOG=1");
  manager->unwatch();
}

TEST_F(ServiceManagerTest, OthersEnvironments) {
  ::setenv("WATCHDOG_USEC", "40000", 1);
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_FALSE(ServiceManager::from_environment().take()->has_watchdog());
  ::setenv("NOTIFY_SOCKET", (path + ".missing").c_str(), 1);
  EXPECT_FALSE(ServiceManager::from_environment().ok());
  for (const char* bad : {"relative", "/", "@"}) {
    ::setenv("NOTIFY_SOCKET", bad, 1);
    EXPECT_FALSE(ServiceManager::from_environment().ok()) << bad;
  }
  const auto none = ServiceManager::from_environment().take();
  none->ready("nobody");
  none->stopping();
  none->watch([] { return [](std::chrono::microseconds) { return true; }; }());
}

}  // namespace
}  // namespace gannet
