#include "engine/state_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/atomic_file.h"
#include "base/printable.h"

namespace gannet {
namespace {

constexpr std::array<char, 8> kMagic = {'G', 'A', 'N', 'N', 'E', 'T', 'S', '1'};
constexpr size_t kFingerprintBytes = 64;
constexpr int64_t kSumBytes = sizeof(uint64_t);

// As it lies in the file, in the byte order of the machine: the state behind it is of this machine, too.
struct FixedHead {
  std::array<char, 8> magic;
  std::array<char, kFingerprintBytes> fingerprint;  // zeros behind it
  uint64_t id, parent;
  std::array<int64_t, 2> from, to;
  int64_t base_at;
  uint64_t n_tokens, kv_bytes, recurrent_bytes;
};
static_assert(std::has_unique_object_representations_v<FixedHead>);

uint64_t sum_of(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace

std::string state_fingerprint(const std::string& what, const StateLayout& layout) {
  std::string text = what + "\n";
  for (const StateLayout::KvLayer& l : layout.kv)
    text += fmt::format("{} {} {} {} {} {}\n", l.name, l.n_kv_heads, l.head_dim, static_cast<int>(l.k_type),
                        static_cast<int>(l.v_type), static_cast<int>(l.part));
  for (const StateLayout::Recurrent& r : layout.recurrent)
    text += fmt::format("{} {} {}\n", r.name, r.shape.elements(), r.entry_floats);
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

namespace {

Result<void> write_state(AtomicFile& file, const StateFileHead& head, std::span<const std::byte> kv,
                         std::span<const std::byte> recurrent) {
  GANNET_CHECK(head.fingerprint.size() <= kFingerprintBytes && head.kv_bytes == kv.size() &&
                   head.recurrent_bytes == recurrent.size() &&
                   std::ssize(head.tokens) == head.to[0] - head.from[0],
               "a head of something else");
  FixedHead fixed = {kMagic,        {},
                     head.id,       head.parent,
                     head.from,     head.to,
                     head.base_at,  head.tokens.size(),
                     head.kv_bytes, head.recurrent_bytes};
  std::memcpy(fixed.fingerprint.data(), head.fingerprint.data(), head.fingerprint.size());
  const auto tokens = std::as_bytes(std::span(head.tokens));
  std::vector<std::byte> front(sizeof fixed + tokens.size());
  std::memcpy(front.data(), &fixed, sizeof fixed);
  if (!tokens.empty()) std::memcpy(front.data() + sizeof fixed, tokens.data(), tokens.size());
  for (const std::span<const std::byte> part : {std::span<const std::byte>(front), kv, recurrent}) {
    const uint64_t sum = sum_of(part);
    GANNET_TRY(file.write(part));
    GANNET_TRY(file.write(bytes_of(sum)));
  }
  return {};
}

}  // namespace

Result<void> write_state_file(const std::string& path, const StateFileHead& head,
                              std::span<const std::byte> kv, std::span<const std::byte> recurrent) {
  AtomicFile file = GANNET_TRY(AtomicFile::create(path, kv.size() + recurrent.size()));
  GANNET_TRY(write_state(file, head, kv, recurrent));
  return file.commit();
}

Result<void> write_text_points(const std::string& path, const std::string& fingerprint,
                               const StateLayout& layout, std::span<const TextPoint> points) {
  AtomicFile file = GANNET_TRY(AtomicFile::create(path));
  StateFileHead head;
  head.fingerprint = fingerprint;
  for (const TextPoint& point : points) {
    head.parent = head.id++;
    head.tokens.assign(point.tokens.begin() + head.from[0], point.tokens.end());
    head.to = lengths_of(point.state);
    head.from[1] = std::min(head.from[1], head.to[1]);
    std::vector<std::byte> kv(static_cast<size_t>(kv_bytes(layout, head.from, head.to)));
    read_kv(point.state, head.from, head.to, kv);
    const RecurrentBytes recurrent = read_recurrent(point.state);
    GANNET_TRY(check_read(point.state));
    head.base_at = recurrent.base_at;
    head.kv_bytes = kv.size();
    head.recurrent_bytes = recurrent.bytes.size();
    GANNET_TRY(write_state(file, head, kv, recurrent.bytes));
    head.from = head.to;
  }
  return file.commit();
}

Result<std::vector<TextPoint>> read_text_points(const std::string& path, const std::string& fingerprint,
                                                const std::shared_ptr<StatePool>& pool) {
  std::vector<TextPoint> points;
  std::error_code problem;
  const auto size = static_cast<int64_t>(std::filesystem::file_size(path, problem));
  if (problem) return Error(ErrorCode::kRuntime, fmt::format("{}: {}", printable(path), problem.message()));
  for (int64_t at = 0; points.empty() || at < size;) {
    const StateFile file = GANNET_TRY(StateFile::open(path, at));
    const StateFileHead& head = file.head();
    if (head.fingerprint != fingerprint)
      return Error(
          ErrorCode::kRuntime,
          printable(path) + ": of another model, of other options or of another build of this program");
    TextPoint point = points.empty() ? TextPoint() : points.back();
    if (head.parent != points.size() || head.from[0] != std::ssize(point.tokens))
      return Error(ErrorCode::kRuntime, printable(path) + ": its parts do not belong together");
    point.tokens.insert(point.tokens.end(), head.tokens.begin(), head.tokens.end());
    const auto kv = GANNET_TRY(file.read_kv()), recurrent = GANNET_TRY(file.read_recurrent());
    StateBuilder builder(pool, point.state);
    GANNET_TRY(builder.add_kv(head.from, head.to, kv));
    point.state = GANNET_TRY(builder.finish(head.to[0], head.base_at, recurrent));
    points.push_back(std::move(point));
    at = file.end();
  }
  return points;
}

StateFile::StateFile(StateFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      head_(std::move(other.head_)),
      begin_(other.begin_),
      size_(other.size_),
      head_bytes_(other.head_bytes_),
      recurrent_(other.recurrent_) {}

StateFile::~StateFile() {
  if (fd_ >= 0) ::close(fd_);
}

Error StateFile::damaged(const std::string& what) const {
  return Error(ErrorCode::kRuntime, fmt::format("{}: {}", printable(path_), what));
}

Result<StateFile> StateFile::open(const std::string& path, std::optional<int64_t> at) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return Error(ErrorCode::kRuntime, fmt::format("{}: {}", printable(path), std::strerror(errno)));
  StateFile file(path, fd);
  struct stat facts {};
  if (::fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) return file.damaged("not a file");
  file.begin_ = at.value_or(0);
  file.size_ = facts.st_size - file.begin_;
  GANNET_TRY(file.read_head(at.has_value()));
  return file;
}

Result<void> StateFile::read_head(bool one_of_several) {
  if (size_ < static_cast<int64_t>(sizeof(FixedHead)) + kSumBytes) return damaged("not a stored state");
  const std::vector<std::byte> front = GANNET_TRY(read(0, sizeof(FixedHead)));
  FixedHead fixed;
  std::memcpy(&fixed, front.data(), sizeof fixed);
  if (fixed.magic != kMagic) return damaged("not a stored state, or one of another version");
  const auto size = static_cast<uint64_t>(size_);
  if (fixed.n_tokens > size / sizeof(TokenId) || fixed.kv_bytes > size) return damaged("cut short");
  const uint64_t n_head = sizeof fixed + fixed.n_tokens * sizeof(TokenId);
  const auto whole = GANNET_TRY(read_checked(0, n_head));
  head_bytes_ = static_cast<int64_t>(n_head) + kSumBytes;
  const char* name = fixed.fingerprint.data();
  head_.fingerprint.assign(name, strnlen(name, kFingerprintBytes));
  head_.id = fixed.id;
  head_.parent = fixed.parent;
  head_.from = fixed.from;
  head_.to = fixed.to;
  head_.base_at = fixed.base_at;
  head_.kv_bytes = fixed.kv_bytes;
  head_.recurrent_bytes = fixed.recurrent_bytes;
  head_.tokens.resize(fixed.n_tokens);
  if (fixed.n_tokens > 0)
    std::memcpy(head_.tokens.data(), whole.data() + sizeof fixed, fixed.n_tokens * sizeof(TokenId));
  for (size_t i = 0; i < head_.from.size(); ++i)
    if (head_.from[i] < 0 || head_.to[i] < head_.from[i]) return damaged("its numbers contradict each other");
  if (head_.to[0] - head_.from[0] != std::ssize(head_.tokens) ||
      (head_.parent == 0 && head_.from != StateLengths{}))
    return damaged("its numbers contradict each other");
  const int64_t kv_end = head_bytes_ + static_cast<int64_t>(fixed.kv_bytes) + kSumBytes;
  if (size_ < kv_end) return damaged("cut short");
  if (size_ == kv_end && !one_of_several) return {};
  const auto rest = static_cast<uint64_t>(size_ - kv_end), sum = static_cast<uint64_t>(kSumBytes);
  if (rest < sum || rest - sum < fixed.recurrent_bytes) return damaged("cut short");
  if (!one_of_several && rest - sum != fixed.recurrent_bytes) return damaged("longer than it says");
  size_ = kv_end + static_cast<int64_t>(fixed.recurrent_bytes) + kSumBytes;
  recurrent_ = true;
  return {};
}

Result<std::vector<std::byte>> StateFile::read(int64_t at, uint64_t n) const {
  std::vector<std::byte> out(n);
  for (size_t done = 0; done < n;) {
    const ssize_t got = ::pread(fd_, out.data() + done, n - done, begin_ + at + static_cast<int64_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return damaged(got == 0 ? "cut short" : std::strerror(errno));
    done += static_cast<size_t>(got);
  }
  return out;
}

Result<std::vector<std::byte>> StateFile::read_checked(int64_t at, uint64_t n) const {
  if (n > static_cast<uint64_t>(size_ - at - kSumBytes)) return damaged("cut short");
  auto out = GANNET_TRY(read(at, n + kSumBytes));
  uint64_t sum = 0;
  std::memcpy(&sum, out.data() + n, sizeof sum);
  out.resize(n);
  if (sum != sum_of(out)) return damaged("damaged: its checksum is another");
  return out;
}

Result<std::vector<std::byte>> StateFile::read_kv() const {
  return read_checked(head_bytes_, head_.kv_bytes);
}

Result<std::vector<std::byte>> StateFile::read_recurrent() const {
  if (!recurrent_) return damaged("it has no recurrent state");
  return read_checked(head_bytes_ + static_cast<int64_t>(head_.kv_bytes) + kSumBytes, head_.recurrent_bytes);
}

Result<void> drop_recurrent_state(const std::string& path) {
  int64_t end = 0;
  {
    const StateFile file = GANNET_TRY(StateFile::open(path));
    if (!file.has_recurrent_state()) return {};
    end = file.bytes() - static_cast<int64_t>(file.head().recurrent_bytes) - kSumBytes;
  }
  if (::truncate(path.c_str(), end) != 0)
    return Error(ErrorCode::kOutput, fmt::format("{}: {}", printable(path), std::strerror(errno)));
  return {};
}

}  // namespace gannet
