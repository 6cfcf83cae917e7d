// The log of requests: a line for each one that is over. No prompts, no answers, no keys, no queries.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"
#include "http/server.h"

namespace gannet {

// What the log says of a request beside its HTTP side. Thread-safe.
class RequestNote : public HttpNote {
 public:
  struct Facts {
    std::string model;          // as it is called here; empty: it did not get so far
    int64_t n_prompt = -1;      // tokens; -1: not known
    int64_t n_cached = 0;       // of them, that were not read again
    int64_t n_generated = 0;    // tokens of all answers to it
    double first_token = -1;    // seconds from the request to it; -1: there was none
    const char* end = nullptr;  // a literal: "stop", "length", ...; null: it has not ended by itself
  };
  void begun(const std::string& model);
  void read(int64_t n_prompt, int64_t n_cached);
  void generated(int64_t n_tokens);
  void ended(const char* how);
  Facts facts() const;

 private:
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  mutable std::mutex mutex_;
  Facts facts_;
};

struct RequestLogOptions {
  std::string file = {};   // appended to, made with mode 0600; empty: stderr
  bool json = false;       // a JSON object per line instead of `key=value key=value`
  bool timestamps = true;  // of text; JSON always has them
  // Trouble with the file, by any thread. May be null.
  std::function<void(const std::string&)> warn = {};
};

// A thread of its own writes; who adds a line waits for nothing. While a disk or a reader of stderr is too
// slow, lines are left out, and how many stands in the log.
class RequestLog {
 public:
  // Errors: kOutput when the file cannot be written.
  static Result<std::unique_ptr<RequestLog>> open(RequestLogOptions options);
  // Writes what is there, for a second at most.
  ~RequestLog();
  RequestLog(const RequestLog&) = delete;
  RequestLog& operator=(const RequestLog&) = delete;

  // HttpOptions::access_log. Checks of health that went well are not worth a line.
  void add(const HttpAccess& access);
  // Begins the file anew by its name within a second: it has been moved away. Async-signal-safe.
  void reopen() { reopen_ = true; }

 private:
  RequestLog(RequestLogOptions options, int fd);
  void run();
  void write(const std::string& lines);
  void warn_once(const std::string& text);

  const RequestLogOptions options_;
  std::atomic<bool> reopen_ = false, stopping_ = false;
  std::mutex mutex_;  // of what follows
  std::condition_variable arrived_;
  std::deque<std::string> lines_;
  uint64_t n_left_out_ = 0;
  // Of the thread.
  int fd_;
  bool warned_ = false;
  std::thread thread_;
};

// One line, with its end.
std::string log_line(const HttpAccess& access, const RequestNote::Facts* facts,
                     std::chrono::system_clock::time_point now, const RequestLogOptions& options);

}  // namespace gannet
