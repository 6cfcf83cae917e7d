// Listening sockets. Internal to this folder.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/server.h"

namespace gannet {

// Owns a listening descriptor that does not block; a UNIX socket's name is removed with it, unless another
// server has put its own there. Movable.
class Listener {
 public:
  // One per address that the host has; with port 0 all get the port that the first one got. Errors: as of
  // HttpServer::create().
  static Result<std::vector<Listener>> open(const HttpListen& where, bool tls);

  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) noexcept;
  ~Listener();

  int descriptor() const { return fd_; }
  const HttpAddress& address() const { return address_; }
  bool tls() const { return tls_; }
  bool unix_socket() const { return !unix_path_.empty(); }

 private:
  Listener() = default;
  static Result<Listener> open_unix(const HttpListen& where);

  int fd_ = -1;
  bool tls_ = false;
  HttpAddress address_;
  std::string unix_path_;
  dev_t device_ = 0;  // of the UNIX socket's name
  ino_t inode_ = 0;
};

// "127.0.0.1", "::1"; IPv4 in IPv6's clothes as IPv4; "unix" for a UNIX socket.
std::string peer_name(const void* address);

}  // namespace gannet
