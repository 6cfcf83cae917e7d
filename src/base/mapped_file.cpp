#include "base/mapped_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>

#include <fmt/format.h>

namespace gannet {
namespace {

// The signal handler may only touch lock-free data, so mappings sit in a fixed table. A process that maps
// more files than this still works; the surplus just lacks the friendly message.
struct Slot {
  std::atomic<const std::byte*> begin{nullptr};
  std::atomic<size_t> size{0};
  char path[512];
};
constexpr int kSlots = 64;
Slot slots[kSlots];
std::mutex slots_mutex;

void say(const char* text) {
  const ssize_t written = write(STDERR_FILENO, text, std::strlen(text));
  (void)written;
}

void on_sigbus(int signal_number, siginfo_t* info, void*) {
  const auto* at = static_cast<const std::byte*>(info->si_addr);
  for (Slot& slot : slots) {
    const std::byte* begin = slot.begin.load(std::memory_order_acquire);
    if (begin != nullptr && at >= begin && at < begin + slot.size.load(std::memory_order_relaxed)) {
      say("gannet: error: ");
      say(slot.path);
      say(": the file shrank while it was in use; restore it and start again\n");
      _exit(static_cast<int>(ErrorCode::kModelFile));
    }
  }
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

void install_handler() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action = {};
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGBUS, &action, nullptr);
  });
}

void remember(const std::string& path, const std::byte* data, size_t size) {
  std::lock_guard lock(slots_mutex);
  for (Slot& slot : slots) {
    if (slot.begin.load(std::memory_order_relaxed) != nullptr) continue;
    const size_t n = std::min(path.size(), sizeof(slot.path) - 1);
    std::memcpy(slot.path, path.data(), n);
    slot.path[n] = 0;
    slot.size.store(size, std::memory_order_relaxed);
    slot.begin.store(data, std::memory_order_release);
    return;
  }
}

void forget(const std::byte* data) {
  std::lock_guard lock(slots_mutex);
  for (Slot& slot : slots)
    if (slot.begin.load(std::memory_order_relaxed) == data)
      slot.begin.store(nullptr, std::memory_order_release);
}

Error cannot_open(const std::string& path, const char* why) {
  return {ErrorCode::kModelFile, fmt::format("{}: cannot be opened: {}", path, why)};
}

}  // namespace

MappedFile::MappedFile(std::string path, const std::byte* data, size_t size)
    : path_(std::move(path)), data_(data), size_(size) {}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    release();
    path_ = std::move(other.path_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

MappedFile::~MappedFile() {
  release();
}

void MappedFile::release() {
  if (data_ == nullptr) return;
  forget(data_);
  munmap(const_cast<std::byte*>(data_), size_);
  data_ = nullptr;
}

Result<MappedFile> MappedFile::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return cannot_open(path, std::strerror(errno));
  struct stat info = {};
  if (fstat(fd, &info) != 0) {
    const int code = errno;
    close(fd);
    return cannot_open(path, std::strerror(code));
  }
  if (!S_ISREG(info.st_mode)) {
    close(fd);
    return cannot_open(path, S_ISDIR(info.st_mode) ? "it is a directory; name the .gguf file in it"
                                                   : "it is not a regular file");
  }
  const size_t size = static_cast<size_t>(info.st_size);
  if (size == 0) {
    close(fd);
    return MappedFile(path, nullptr, 0);
  }
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  const int code = errno;
  close(fd);
  if (data == MAP_FAILED) return cannot_open(path, std::strerror(code));
  install_handler();
  remember(path, static_cast<const std::byte*>(data), size);
  return MappedFile(path, static_cast<const std::byte*>(data), size);
}

}  // namespace gannet
