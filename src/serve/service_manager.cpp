#include "serve/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "base/printable.h"

namespace gannet {
namespace {

std::string taken_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string text = value == nullptr ? "" : value;
  ::unsetenv(name);
  return text;
}

int64_t number(const std::string& text) {
  int64_t n = 0;
  const auto [rest, code] = std::from_chars(text.data(), text.data() + text.size(), n);
  return code == std::errc() && rest == text.data() + text.size() && n > 0 ? n : 0;
}

}  // namespace

Result<std::unique_ptr<ServiceManager>> ServiceManager::from_environment() {
  const std::string path = taken_variable("NOTIFY_SOCKET");
  std::chrono::microseconds watchdog(number(taken_variable("WATCHDOG_USEC")));
  const std::string pid = taken_variable("WATCHDOG_PID");  // of another process: not for this one
  if (!pid.empty() && number(pid) != ::getpid()) watchdog = {};
  if (path.empty()) return std::unique_ptr<ServiceManager>(new ServiceManager(-1, {}));
  const auto failed = [&](const std::string& why) {
    return Error(ErrorCode::kRuntime, fmt::format("NOTIFY_SOCKET {}: {}", printable(path), why));
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if ((path[0] != '/' && path[0] != '@') || path.size() < 2 || path.size() >= sizeof address.sun_path)
    return failed("is no path of a socket");
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path[0] == '@') address.sun_path[0] = 0;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    const int why = errno;
    if (fd >= 0) ::close(fd);
    return failed(std::strerror(why));
  }
  return std::unique_ptr<ServiceManager>(new ServiceManager(fd, watchdog));
}

ServiceManager::~ServiceManager() {
  unwatch();
  if (fd_ >= 0) ::close(fd_);
}

void ServiceManager::unwatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void ServiceManager::send(std::string_view message) const {
  if (fd_ < 0) return;
  // A manager that does not listen is no reason to stop.
  [[maybe_unused]] const ssize_t n = ::send(fd_, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void ServiceManager::ready(std::string_view status) {
  std::string line(status);
  for (char& c : line)
    if (c == '\n') c = ' ';
  send(fmt::format("READY=1\nSTATUS={}\nMAINPID={}", line, ::getpid()));
}

void ServiceManager::watch(std::function<bool(std::chrono::microseconds most)> alive) {
  if (fd_ < 0 || !has_watchdog()) return;
  thread_ = std::thread([this, alive = std::move(alive)] {
    std::unique_lock lock(mutex_);
    // The manager acts once it has heard nothing for the watchdog's time: work of that length is no death
    // yet.
    while (!stopped_.wait_for(lock, watchdog_ / 4, [&] { return stopping_; })) {
      lock.unlock();
      if (alive(watchdog_ / 2)) send("WATCHDOG=1");
      lock.lock();
    }
  });
}

}  // namespace gannet
