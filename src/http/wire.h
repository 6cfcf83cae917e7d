// The bytes of an accepted connection, plain or through TLS, without waiting. Owns the descriptor. Internal.
//
// OpenSSL works on the descriptor itself, with buffers that it gives back when they are empty: an idle TLS
// connection costs what OpenSSL needs for its keys, not two buffers of 17 KiB besides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

struct ssl_ctx_st;

namespace gannet {

enum class WireStatus : uint8_t { kDone, kWantRead, kWantWrite, kEnd, kFailed };

struct WireResult {
  WireStatus status;
  size_t bytes = 0;  // with kDone
};

class Wire {
 public:
  virtual ~Wire() = default;
  virtual WireResult handshake() = 0;
  virtual WireResult read(char* data, size_t size) = 0;
  virtual WireResult write(const char* data, size_t size) = 0;
  // Says goodbye: no further bytes from this side.
  virtual void shut() = 0;
  virtual int descriptor() const = 0;
};

// The certificate and key of a server. Shared by its connections.
class TlsContext {
 public:
  // PEM files. Errors: kUsage with the path and OpenSSL's reason.
  static Result<std::shared_ptr<TlsContext>> open(const std::string& certificate, const std::string& key);
  ~TlsContext();
  ssl_ctx_st* get() const { return context_; }

 private:
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
};

// `descriptor` does not block. Plain when `tls` is null; null when OpenSSL has no memory.
std::unique_ptr<Wire> make_wire(int descriptor, const TlsContext* tls);

}  // namespace gannet
