// A server in a thread and raw sockets to it, for tests.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "http/server.h"

namespace gannet {

using namespace std::chrono_literals;

inline bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit = 5000ms) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

// A connected descriptor.
class RawClient {
 public:
  explicit RawClient(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect(reinterpret_cast<sockaddr*>(&a), sizeof a);
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  explicit RawClient(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::strncpy(a.sun_path, path.c_str(), sizeof a.sun_path - 1);
    connect(reinterpret_cast<sockaddr*>(&a), sizeof a);
  }
  RawClient(RawClient&& other) noexcept : fd_(std::exchange(other.fd_, -1)), read_(std::move(other.read_)) {}
  RawClient& operator=(RawClient&&) = delete;
  ~RawClient() { close(); }

  bool connected() const { return connected_; }
  int descriptor() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  // False when the server has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }
  // Appends what comes to the buffer; false at the end of the connection or after `limit`.
  bool receive(std::chrono::milliseconds limit = 5000ms) {
    pollfd p{fd_, POLLIN, 0};
    if (::poll(&p, 1, static_cast<int>(limit.count())) != 1) return false;
    char buffer[65536];
    const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) {
      ended_ = true;
      return false;
    }
    read_.append(buffer, static_cast<size_t>(n));
    return true;
  }
  // All that comes until the server closes.
  std::string rest(std::chrono::milliseconds limit = 5000ms) {
    while (receive(limit)) {
    }
    return std::exchange(read_, {});
  }
  std::string until(std::string_view mark, std::chrono::milliseconds limit = 5000ms) {
    size_t at;
    while ((at = read_.find(mark)) == std::string::npos) {
      if (!receive(limit)) return std::exchange(read_, {});
    }
    std::string out = read_.substr(0, at + mark.size());
    read_.erase(0, out.size());
    return out;
  }
  std::string bytes(size_t n) {
    while (read_.size() < n && receive()) {
    }
    std::string out = read_.substr(0, n);
    read_.erase(0, out.size());
    return out;
  }
  // Whether the server closes within the time, whatever it sends before.
  bool closes(std::chrono::milliseconds limit = 5000ms) {
    while (receive(limit)) {
    }
    return ended_;
  }
  bool ended() const { return ended_; }

  struct Answer {
    int status = 0;
    std::string head, body;
    std::string header(std::string_view name) const {
      const size_t at = head.find("\r\n" + std::string(name) + ": ");
      if (at == std::string::npos) return {};
      const size_t begin = at + name.size() + 4;
      return head.substr(begin, head.find("\r\n", begin) - begin);
    }
  };
  // The next answer, with Content-Length or chunks. `head_only`: it answers HEAD.
  Answer answer(bool head_only = false) {
    Answer a;
    a.head = until("\r\n\r\n");
    if (a.head.size() < 12) return a;
    a.status = std::atoi(a.head.c_str() + 9);
    if (head_only || a.status == 204 || a.status == 304) return a;
    if (a.header("Transfer-Encoding") == "chunked") {
      for (;;) {
        const std::string line = until("\r\n");
        const size_t size = std::strtoul(line.c_str(), nullptr, 16);
        if (line.empty()) return a;
        a.body += bytes(size);
        bytes(2);
        if (size == 0) return a;
      }
    }
    const std::string length = a.header("Content-Length");
    a.body = length.empty() ? rest() : bytes(std::strtoul(length.c_str(), nullptr, 10));
    return a;
  }

 private:
  void connect(const sockaddr* address, socklen_t size) { connected_ = ::connect(fd_, address, size) == 0; }

  int fd_ = -1;
  bool connected_ = false, ended_ = false;
  std::string read_;
};

// Paths to functions.
class TestHandler : public HttpHandler {
 public:
  using Function = std::function<void(HttpRequest, std::shared_ptr<HttpExchange>)>;
  std::map<std::string, Function> functions;
  std::function<HttpAdmission(HttpRequest&)> admission;

  HttpAdmission admit(HttpRequest& head) override { return admission ? admission(head) : HttpAdmission{}; }
  void handle(HttpRequest request, std::shared_ptr<HttpExchange> exchange) override {
    const auto f = functions.find(request.path);
    if (f != functions.end()) return f->second(std::move(request), std::move(exchange));
    exchange->respond(
        {200, {{"Content-Type", "text/plain"}}, request.method + " " + request.path + " " + request.body});
  }
};

// Serves from its construction to stop() or its end.
class TestServer {
 public:
  std::shared_ptr<TestHandler> handler = std::make_shared<TestHandler>();
  HttpOptions options;

  TestServer() { options.listen = {{"127.0.0.1", 0}}; }
  ~TestServer() { stop(0ms); }
  void start() {
    auto made = HttpServer::create(options, handler);
    ASSERT_TRUE(made.ok()) << made.error().message();
    server = made.take();
    thread = std::thread([this] { server->run(); });
  }
  void stop(std::chrono::milliseconds drain) {
    if (!thread.joinable()) return;
    server->stop(drain);
    thread.join();
  }
  uint16_t port() const { return server->addresses().front().port; }
  RawClient client() const { return RawClient(port()); }

  std::unique_ptr<HttpServer> server;
  std::thread thread;
};

inline std::string get(std::string_view path, std::string_view more = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(more) + "\r\n";
}

}  // namespace gannet
