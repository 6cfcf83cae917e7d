#include "base/mapped_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>

#include <fmt/core.h>

#include "base/huge_pages.h"
#include "base/printable.h"
#include "base/temporary_files.h"

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
constexpr const char* kShrunk = ": the file shrank while it was in use; restore it and start again";
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
      say(kShrunk);
      say("\n");
      remove_temporary_files();
      _exit(static_cast<int>(ErrorCode::kModelFile));
    }
  }
  remove_temporary_files();
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
    const std::string shown = visible(path);  // the handler cannot
    const size_t n = std::min(shown.size(), sizeof(slot.path) - 1);
    std::memcpy(slot.path, shown.data(), n);
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

// What cannot be mapped: everything but regular files.
Error not_a_file(const std::string& path, mode_t mode) {
  if (S_ISDIR(mode)) return cannot_open(path, "it is a directory; name the .gguf file in it");
  const char* kind = S_ISFIFO(mode)   ? "a pipe"
                     : S_ISSOCK(mode) ? "a socket"
                     : S_ISBLK(mode)  ? "a block device"
                     : S_ISCHR(mode)  ? "a device"
                                      : "not a file";
  return cannot_open(path,
                     fmt::format("it is {}; copy the content to a regular file and name that", kind).c_str());
}

}  // namespace

Error shrunk_error(const std::string& path) {
  return {ErrorCode::kModelFile, path + kShrunk};
}

MappedFile::MappedFile(MappedFile&& other) noexcept {
  *this = std::move(other);
}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    release();
    path_ = std::move(other.path_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    mapped_ = std::exchange(other.mapped_, 0);
    fd_ = std::exchange(other.fd_, -1);
    mark_ = std::move(other.mark_);
    modified_seconds_ = other.modified_seconds_;
    modified_nanoseconds_ = other.modified_nanoseconds_;
  }
  return *this;
}

MappedFile::~MappedFile() {
  release();
}

void MappedFile::release() {
  mark_ = {};
  if (fd_ >= 0) close(std::exchange(fd_, -1));
  if (data_ == nullptr) return;
  forget(data_);
  munmap(const_cast<std::byte*>(data_), mapped_);
  data_ = nullptr;
}

void MappedFile::prefer_huge_pages() const {
  if (data_ != nullptr) madvise(const_cast<std::byte*>(data_), size_, MADV_HUGEPAGE);
}

Result<void> MappedFile::check_unchanged() const {
  struct stat now = {};
  if (fd_ < 0 || fstat(fd_, &now) != 0) return {};
  if (static_cast<size_t>(now.st_size) < size_) return shrunk_error(path_);
  if (static_cast<size_t>(now.st_size) != size_ || now.st_mtim.tv_sec != modified_seconds_ ||
      now.st_mtim.tv_nsec != modified_nanoseconds_)
    return Error(ErrorCode::kModelFile,
                 fmt::format("{}: the file was written to while it was in use; start again", path_));
  return {};
}

Result<MappedFile> MappedFile::open(const std::string& path) {
  MappedFile file;
  file.path_ = path;
  struct stat info = {};
  // Without O_NONBLOCK a FIFO would wait for a writer.
  file.fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file.fd_ < 0) {
    const int code = errno;
    // A socket, for one, has no other way to say what it is.
    if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) return not_a_file(path, info.st_mode);
    return cannot_open(path, std::strerror(code));
  }
  if (fstat(file.fd_, &info) != 0) return cannot_open(path, std::strerror(errno));
  if (!S_ISREG(info.st_mode)) return not_a_file(path, info.st_mode);
  file.mark_ = InputMark(file.fd_, path);
  file.modified_seconds_ = info.st_mtim.tv_sec;
  file.modified_nanoseconds_ = info.st_mtim.tv_nsec;
  const size_t size = static_cast<size_t>(info.st_size);
  if (size == 0) {
    close(std::exchange(file.fd_, -1));
    return file;
  }
  // What is behind the file's end up to the next huge page stays reserved: a moved last page needs the room.
  const auto mapped = static_cast<size_t>(to_huge_pages(info.st_size));
  std::byte* data = reserve_addresses(mapped);
  if (data == nullptr) return cannot_open(path, std::strerror(errno));
  if (mmap(data, size, PROT_READ, MAP_PRIVATE | MAP_FIXED, file.fd_, 0) == MAP_FAILED) {
    const int code = errno;
    munmap(data, mapped);
    return cannot_open(path, std::strerror(code));
  }
  file.data_ = data;
  file.size_ = size;
  file.mapped_ = mapped;
  install_handler();
  remember(path, data, size);
  return file;
}

}  // namespace gannet
