// Error values. What a file, a request or a device can cause is returned as a Result; only our own bugs abort
// (see check.h). An Error carries the exit code of the command line, a message that names the thing and the
// remedy, and the context added on the way up ("loading blk.3.attn_q.weight: ...").
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace gannet {

// Values are the exit codes of the program.
enum class ErrorCode : int {
  kRuntime = 1,
  kUsage = 2,
  kModelFile = 3,  // model file missing, damaged or unsupported
  kOutOfMemory = 4,
  kDevice = 5,
  kNetwork = 6,
  kOutput = 7,  // disk full, output not writable
  kInterrupted = 130,
};

class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }

  // Puts `what: ` in front of the message and returns the error for chaining.
  Error with_context(const std::string& what) && {
    message_ = what + ": " + message_;
    return std::move(*this);
  }

 private:
  ErrorCode code_;
  std::string message_;
};

// Either a T or an Error. Reading the wrong one is a bug and aborts.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    GANNET_CHECK(ok(), error().message().c_str());
    return std::get<0>(state_);
  }
  const T& value() const& {
    GANNET_CHECK(ok(), error().message().c_str());
    return std::get<0>(state_);
  }
  T take() {
    GANNET_CHECK(ok(), error().message().c_str());
    return std::get<0>(std::move(state_));
  }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }

  const Error& error() const { return std::get<1>(state_); }
  Error take_error() { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() : error_(ErrorCode::kRuntime, {}), ok_(true) {}
  Result(Error error) : error_(std::move(error)), ok_(false) {}

  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  void take() { GANNET_CHECK(ok_, error_.message().c_str()); }
  const Error& error() const { return error_; }
  Error take_error() { return std::move(error_); }

 private:
  Error error_;
  bool ok_;
};

}  // namespace gannet

// Evaluates a Result expression; on error returns it from the enclosing function, otherwise yields the value:
//   auto file = GANNET_TRY(MappedFile::open(path));
#define GANNET_TRY(...)                                                      \
  __extension__({                                                            \
    auto gannet_result_ = (__VA_ARGS__);                                     \
    if (!gannet_result_.ok()) return std::move(gannet_result_).take_error(); \
    gannet_result_.take();                                                   \
  })
