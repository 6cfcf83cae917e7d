#include "http/listener.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace gannet {
namespace {

constexpr int kBacklog = 1024;

bool is_loopback(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    return (ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr) >> 24) == 127;
  }
  const in6_addr& a = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&a);
}

// Whether somebody listens at the UNIX socket. Never waits.
bool answers(const sockaddr_un& address) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return true;
  const int rc = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const bool dead = rc != 0 && (errno == ECONNREFUSED || errno == ENOENT);
  ::close(fd);
  return !dead;
}

}  // namespace

std::string peer_name(const void* address) {
  const auto* a = static_cast<const sockaddr*>(address);
  char text[INET6_ADDRSTRLEN] = "unix";
  if (a->sa_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(a)->sin_addr, text, sizeof text);
  } else if (a->sa_family == AF_INET6) {
    const in6_addr& in = reinterpret_cast<const sockaddr_in6*>(a)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&in)) {
      inet_ntop(AF_INET, &in.s6_addr[12], text, sizeof text);
    } else {
      inet_ntop(AF_INET6, &in, text, sizeof text);
    }
  }
  return text;
}

Listener::Listener(Listener&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      tls_(other.tls_),
      address_(std::move(other.address_)),
      unix_path_(std::exchange(other.unix_path_, {})),
      device_(other.device_),
      inode_(other.inode_) {}

Listener& Listener::operator=(Listener&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(tls_, other.tls_);
  std::swap(address_, other.address_);
  std::swap(unix_path_, other.unix_path_);
  std::swap(device_, other.device_);
  std::swap(inode_, other.inode_);
  return *this;
}

Listener::~Listener() {
  if (!unix_path_.empty()) {
    struct stat now;
    if (::lstat(unix_path_.c_str(), &now) == 0 && now.st_dev == device_ && now.st_ino == inode_) {
      ::unlink(unix_path_.c_str());
    }
  }
  if (fd_ >= 0) ::close(fd_);
}

Result<Listener> Listener::open_unix(const HttpListen& where) {
  const auto failed = [&](const std::string& why) {
    return Error(ErrorCode::kNetwork,
                 fmt::format("cannot listen at the UNIX socket {}: {}", where.unix_path, why));
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // Made under another name, opened up only when it has its mode, and then put in place in one step: nobody
  // finds it with wrong permissions, or missing.
  const std::string temporary = fmt::format("{}.{}", where.unix_path, ::getpid());
  if (temporary.size() >= sizeof address.sun_path) {
    return failed(fmt::format("the path is longer than {} bytes", sizeof address.sun_path - 1 - 8));
  }
  struct stat old;
  if (::lstat(where.unix_path.c_str(), &old) == 0) {
    if (!S_ISSOCK(old.st_mode))
      return failed("something that is no socket is there; remove it or choose another");
    std::memcpy(address.sun_path, where.unix_path.c_str(), where.unix_path.size() + 1);
    if (answers(address)) return failed("another server listens there");
  }
  Listener l;
  l.fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (l.fd_ < 0) return failed(std::strerror(errno));
  std::memcpy(address.sun_path, temporary.c_str(), temporary.size() + 1);
  ::unlink(temporary.c_str());
  if (::bind(l.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return failed(std::strerror(errno));
  }
  struct stat made;
  if (::chmod(temporary.c_str(), where.unix_mode) != 0 || ::lstat(temporary.c_str(), &made) != 0 ||
      ::listen(l.fd_, kBacklog) != 0 || ::rename(temporary.c_str(), where.unix_path.c_str()) != 0) {
    const int why = errno;
    ::unlink(temporary.c_str());
    return failed(std::strerror(why));
  }
  l.unix_path_ = where.unix_path;
  l.device_ = made.st_dev;
  l.inode_ = made.st_ino;
  l.address_ = {"unix:" + where.unix_path, 0, true};
  return l;
}

Result<std::vector<Listener>> Listener::open(const HttpListen& where, bool tls) {
  std::vector<Listener> all;
  if (!where.unix_path.empty()) {
    all.push_back(GANNET_TRY(open_unix(where)));
    return all;
  }
  const auto failed = [&](const std::string& why) {
    return Error(ErrorCode::kNetwork,
                 fmt::format("cannot listen at {} port {}: {}", where.host, where.port, why));
  };
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  std::string host = where.host;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const int rc = ::getaddrinfo(host.c_str(), std::to_string(where.port).c_str(), &hints, &found);
  if (rc != 0) return failed(::gai_strerror(rc));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  std::string why = "the name has no address";
  uint16_t port = where.port;
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
    if (a->ai_family != AF_INET && a->ai_family != AF_INET6) continue;
    Listener l;
    l.fd_ = ::socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l.fd_ < 0) {
      why = std::strerror(errno);
      if (errno == EAFNOSUPPORT) continue;  // a machine without IPv6
      return failed(why);
    }
    const int on = 1, off = 0;
    ::setsockopt(l.fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (where.reuse_port && ::setsockopt(l.fd_, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
      return failed(fmt::format("the port cannot be shared: {}", std::strerror(errno)));
    if (a->ai_family == AF_INET6) {
      const auto* six = reinterpret_cast<const sockaddr_in6*>(a->ai_addr);
      const bool any = IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr);
      ::setsockopt(l.fd_, IPPROTO_IPV6, IPV6_V6ONLY, any ? &off : &on, sizeof on);
    }
    sockaddr_storage address{};
    std::memcpy(&address, a->ai_addr, a->ai_addrlen);
    // sin_port and sin6_port are at the same place.
    reinterpret_cast<sockaddr_in*>(&address)->sin_port = htons(port);
    if (::bind(l.fd_, reinterpret_cast<const sockaddr*>(&address), a->ai_addrlen) != 0 ||
        ::listen(l.fd_, kBacklog) != 0) {
      why = std::strerror(errno);
      if (errno == EADDRNOTAVAIL) continue;  // the name says IPv6, the machine has none
      return failed(why);
    }
    socklen_t size = sizeof address;
    ::getsockname(l.fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
    const std::string name = peer_name(&address);
    l.tls_ = tls;
    l.address_.port = port;
    l.address_.loopback = is_loopback(reinterpret_cast<const sockaddr*>(&address));
    l.address_.url = fmt::format("{}://{}:{}", tls ? "https" : "http",
                                 name.find(':') == std::string::npos ? name : "[" + name + "]", port);
    all.push_back(std::move(l));
  }
  if (all.empty()) return failed(why);
  return all;
}

}  // namespace gannet
