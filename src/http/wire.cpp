#include "http/wire.h"

#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string_view>

namespace gannet {
namespace {

class PlainWire : public Wire {
 public:
  explicit PlainWire(int fd) : fd_(fd) {}
  ~PlainWire() override { ::close(fd_); }
  PlainWire(const PlainWire&) = delete;
  PlainWire& operator=(const PlainWire&) = delete;

  WireResult handshake() override { return {WireStatus::kDone}; }
  WireResult read(char* data, size_t size) override {
    for (;;) {
      const ssize_t n = ::recv(fd_, data, size, 0);
      if (n > 0) return {WireStatus::kDone, static_cast<size_t>(n)};
      if (n == 0) return {WireStatus::kEnd};
      if (errno == EINTR) continue;
      return {errno == EAGAIN || errno == EWOULDBLOCK ? WireStatus::kWantRead : WireStatus::kFailed};
    }
  }
  WireResult write(const char* data, size_t size) override {
    for (;;) {
      const ssize_t n = ::send(fd_, data, size, MSG_NOSIGNAL);
      if (n >= 0) return {WireStatus::kDone, static_cast<size_t>(n)};
      if (errno == EINTR) continue;
      return {errno == EAGAIN || errno == EWOULDBLOCK ? WireStatus::kWantWrite : WireStatus::kFailed};
    }
  }
  void shut() override { ::shutdown(fd_, SHUT_WR); }
  int descriptor() const override { return fd_; }

 private:
  const int fd_;
};

class TlsWire : public Wire {
 public:
  TlsWire(int fd, SSL* ssl) : fd_(fd), ssl_(ssl) {}
  ~TlsWire() override {
    SSL_free(ssl_);
    ::close(fd_);
  }
  TlsWire(const TlsWire&) = delete;
  TlsWire& operator=(const TlsWire&) = delete;

  WireResult handshake() override {
    ERR_clear_error();
    const int n = SSL_accept(ssl_);
    return n == 1 ? WireResult{WireStatus::kDone} : trouble(n);
  }
  WireResult read(char* data, size_t size) override {
    ERR_clear_error();
    const int n = SSL_read(ssl_, data, static_cast<int>(std::min<size_t>(size, INT_MAX)));
    return n > 0 ? WireResult{WireStatus::kDone, static_cast<size_t>(n)} : trouble(n);
  }
  WireResult write(const char* data, size_t size) override {
    if (size == 0) return {WireStatus::kDone};
    ERR_clear_error();
    const int n = SSL_write(ssl_, data, static_cast<int>(std::min<size_t>(size, INT_MAX)));
    return n > 0 ? WireResult{WireStatus::kDone, static_cast<size_t>(n)} : trouble(n);
  }
  void shut() override {
    if (!failed_ && SSL_is_init_finished(ssl_)) {
      ERR_clear_error();
      SSL_shutdown(ssl_);
    }
    ::shutdown(fd_, SHUT_WR);
  }
  int descriptor() const override { return fd_; }

 private:
  WireResult trouble(int n) {
    switch (SSL_get_error(ssl_, n)) {
      case SSL_ERROR_WANT_READ:
        return {WireStatus::kWantRead};
      case SSL_ERROR_WANT_WRITE:
        return {WireStatus::kWantWrite};
      case SSL_ERROR_ZERO_RETURN:
        return {WireStatus::kEnd};
      default:
        failed_ = true;
        return {WireStatus::kFailed};
    }
  }

  const int fd_;
  SSL* const ssl_;
  bool failed_ = false;
};

std::string tls_reason() {
  char text[200] = "unknown reason";
  if (const unsigned long code = ERR_get_error()) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return text;
}

// Only HTTP/1.1 is spoken; a client that offers nothing we know goes on without the extension.
int select_protocol(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char* in,
                    unsigned in_length, void*) {
  constexpr std::string_view kName = "http/1.1";
  for (unsigned i = 0; i < in_length && i + 1 + in[i] <= in_length; i += 1 + in[i]) {
    if (std::string_view(reinterpret_cast<const char*>(in + i + 1), in[i]) == kName) {
      *out = in + i + 1;
      *out_length = in[i];
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

Result<std::shared_ptr<TlsContext>> TlsContext::open(const std::string& certificate, const std::string& key) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (context == nullptr) return Error(ErrorCode::kRuntime, "OpenSSL has no TLS: " + tls_reason());
  std::shared_ptr<TlsContext> owner(new TlsContext(context));
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context,
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Tickets let clients resume without memory on this side.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, select_protocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    return Error(ErrorCode::kUsage, fmt::format("TLS certificate {}: {}", certificate, tls_reason()));
  }
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return Error(ErrorCode::kUsage, fmt::format("TLS key {}: {}", key, tls_reason()));
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return Error(ErrorCode::kUsage,
                 fmt::format("TLS key {} does not belong to certificate {}", key, certificate));
  }
  return owner;
}

TlsContext::~TlsContext() {
  SSL_CTX_free(context_);
}

std::unique_ptr<Wire> make_wire(int descriptor, const TlsContext* tls) {
  if (tls == nullptr) return std::make_unique<PlainWire>(descriptor);
  SSL* ssl = SSL_new(tls->get());
  if (ssl == nullptr || SSL_set_fd(ssl, descriptor) != 1) {
    SSL_free(ssl);
    ::close(descriptor);
    return nullptr;
  }
  SSL_set_accept_state(ssl);
  return std::make_unique<TlsWire>(descriptor, ssl);
}

}  // namespace gannet
