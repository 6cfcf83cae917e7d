// What systemd is told about a service of Type=notify: datagrams to the socket in $NOTIFY_SOCKET. Without
// that variable nothing happens.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>

#include "base/result.h"

namespace gannet {

class ServiceManager {
 public:
  // From $NOTIFY_SOCKET ("/PATH" or "@ABSTRACT"), $WATCHDOG_USEC and $WATCHDOG_PID, which are taken out of
  // the environment. Errors: a socket that is named but cannot be reached.
  static Result<std::unique_ptr<ServiceManager>> from_environment();
  ~ServiceManager();
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  // Thread-safe. `status`: a line for `systemctl status`.
  void ready(std::string_view status);
  // Async-signal-safe.
  void stopping() const { send("STOPPING=1"); }

  bool has_watchdog() const { return watchdog_.count() > 0; }
  // From now on it is told several times in the watchdog's time that all is well, as long as `alive` says so.
  // `alive` gets how long a thread may have shown no sign of life; it is called by a thread of this object.
  void watch(std::function<bool(std::chrono::microseconds most)> alive);
  // No call of `alive` after this.
  void unwatch();

 private:
  ServiceManager(int fd, std::chrono::microseconds watchdog) : fd_(fd), watchdog_(watchdog) {}
  void send(std::string_view message) const;

  const int fd_;  // -1: nobody is told
  const std::chrono::microseconds watchdog_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace gannet
