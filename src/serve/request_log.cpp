#include "serve/request_log.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <ctime>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/printable.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostLines = 8192;
// A pipe that has room has room for so much: writing it does not wait.
constexpr size_t kAtOnce = 4096;
constexpr std::chrono::seconds kLastWrites{1};

Result<int> open_file(const std::string& path) {
  if (path.empty()) return STDERR_FILENO;
  const int fd =
      ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
  if (fd >= 0) return fd;
  return Error(ErrorCode::kOutput,
               fmt::format("{}: cannot be written: {}", printable(path), std::strerror(errno)));
}

// "2026-11-29T07:05:19.123Z"
std::string time_text(std::chrono::system_clock::time_point now) {
  using std::chrono::milliseconds;
  const int64_t ms = std::chrono::duration_cast<milliseconds>(now.time_since_epoch()).count();
  const std::time_t seconds = ms / 1000;
  std::tm tm{};
  ::gmtime_r(&seconds, &tm);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", tm.tm_year + 1900, tm.tm_mon + 1,
                     tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ms % 1000);
}

const char* abort_name(HttpAbort reason) {
  switch (reason) {
    case HttpAbort::kClientGone:
      return "client_gone";
    case HttpAbort::kSlowReader:
      return "slow_reader";
    case HttpAbort::kServerStopping:
      return "server_stopping";
    case HttpAbort::kDropped:
      return "dropped";
  }
  return "";
}

// What stands there without quotes.
bool is_plain(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
  });
}

std::string text_value(const Json& value) {
  if (!value.is_string()) return value.dump();
  const auto& text = value.get_ref<const std::string&>();
  return is_plain(text) && text.size() <= 256 ? text : '"' + printable(text) + '"';
}

double to_ms(double seconds) {
  return std::round(seconds * 1e3) / 1e3;
}

}  // namespace

void RequestNote::begun(const std::string& model) {
  const std::lock_guard lock(mutex_);
  facts_.model = model;
}

void RequestNote::read(int64_t n_prompt, int64_t n_cached) {
  const std::lock_guard lock(mutex_);
  facts_.n_prompt = n_prompt;
  facts_.n_cached = n_cached;
}

void RequestNote::generated(int64_t n_tokens) {
  const std::lock_guard lock(mutex_);
  if (facts_.first_token < 0 && n_tokens > 0)
    facts_.first_token = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  facts_.n_generated += n_tokens;
}

void RequestNote::ended(const char* how) {
  const std::lock_guard lock(mutex_);
  facts_.end = how;
}

RequestNote::Facts RequestNote::facts() const {
  const std::lock_guard lock(mutex_);
  return facts_;
}

std::string log_line(const HttpAccess& access, const RequestNote::Facts* facts,
                     std::chrono::system_clock::time_point now, const RequestLogOptions& options) {
  Json line;
  if (options.json || options.timestamps) line["time"] = time_text(now);
  line["id"] = access.id;
  line["method"] = access.method;
  line["path"] = access.path;
  line["status"] = access.status;
  line["client"] = access.key_id.empty() ? access.peer : access.key_id;
  if (facts != nullptr && !facts->model.empty()) line["model"] = facts->model;
  if (facts != nullptr && facts->n_prompt >= 0) {
    line["n_prompt"] = facts->n_prompt;
    line["n_cached"] = facts->n_cached;
    line["n_generated"] = facts->n_generated;
  }
  if (facts != nullptr && facts->first_token >= 0) line["first_token_s"] = to_ms(facts->first_token);
  line["total_s"] = to_ms(access.seconds);
  if (access.abort != nullptr)
    line["end"] = abort_name(*access.abort);
  else if (facts != nullptr && facts->end != nullptr)
    line["end"] = facts->end;
  // What clients choose may hold anything; as ASCII it cannot harm a terminal.
  if (options.json) return line.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
  std::string text;
  for (const auto& [key, value] : line.items())
    text += (text.empty() ? "" : " ") + key + "=" + text_value(value);
  return text + "\n";
}

Result<std::unique_ptr<RequestLog>> RequestLog::open(RequestLogOptions options) {
  const int fd = GANNET_TRY(open_file(options.file));
  return std::unique_ptr<RequestLog>(new RequestLog(std::move(options), fd));
}

RequestLog::RequestLog(RequestLogOptions options, int fd)
    : options_(std::move(options)), fd_(fd), thread_([this] { run(); }) {}

RequestLog::~RequestLog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_one();
  thread_.join();
  if (!options_.file.empty()) ::close(fd_);
}

void RequestLog::add(const HttpAccess& access) {
  if (access.status == 200 && (access.path.ends_with("/health") || access.path.ends_with("/ready"))) return;
  const auto* note = dynamic_cast<const RequestNote*>(access.note);
  RequestNote::Facts facts;
  if (note != nullptr) facts = note->facts();
  std::string line =
      log_line(access, note == nullptr ? nullptr : &facts, std::chrono::system_clock::now(), options_);
  const std::lock_guard lock(mutex_);
  if (lines_.size() >= kMostLines) {
    ++n_left_out_;
    return;
  }
  lines_.push_back(std::move(line));
  arrived_.notify_one();
}

void RequestLog::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    arrived_.wait_for(lock, std::chrono::seconds(1), [&] { return stopping_ || !lines_.empty(); });
    if (reopen_.exchange(false) && !options_.file.empty()) {
      if (auto fd = open_file(options_.file); fd.ok()) {
        ::close(std::exchange(fd_, *fd));
        warned_ = false;
      } else {
        warn_once(fd.error().message());
      }
    }
    if (lines_.empty()) {
      if (stopping_) return;
      continue;
    }
    std::string lines;
    for (const std::string& line : std::exchange(lines_, {})) lines += line;
    if (const uint64_t n = std::exchange(n_left_out_, 0); n > 0)
      lines += options_.json ? fmt::format("{{\"left_out\":{}}}\n", n) : fmt::format("left_out={}\n", n);
    lock.unlock();
    write(lines);
    lock.lock();
  }
}

void RequestLog::write(const std::string& lines) {
  std::chrono::steady_clock::time_point stop_at{};
  for (size_t at = 0; at < lines.size();) {
    pollfd p{fd_, POLLOUT, 0};
    ssize_t n = ::poll(&p, 1, 100);
    if (n == 0 || (n < 0 && errno == EINTR)) {
      const auto now = std::chrono::steady_clock::now();
      if (!stopping_) continue;
      if (stop_at == std::chrono::steady_clock::time_point{}) stop_at = now + kLastWrites;
      if (now > stop_at) return;  // nobody reads it
      continue;
    }
    n = ::write(fd_, lines.data() + at, std::min(kAtOnce, lines.size() - at));
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n < 0) return warn_once(fmt::format("requests cannot be logged: {}", std::strerror(errno)));
    at += static_cast<size_t>(n);
  }
}

void RequestLog::warn_once(const std::string& text) {
  if (std::exchange(warned_, true) || !options_.warn) return;
  options_.warn(text);
}

}  // namespace gannet
