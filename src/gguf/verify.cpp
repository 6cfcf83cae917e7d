#include "gguf/verify.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <mutex>

#include <fmt/core.h>
#include <openssl/evp.h>

#include "base/thread_team.h"
#include "tensor/codec.h"

namespace gannet {
namespace {

constexpr uint64_t kPieceBytes = 4 << 20;

// Progress is told by whoever calls step(); a refusal is remembered and seen by all threads.
class Meter {
 public:
  Meter(uint64_t total, const VerifyProgress& progress) : total_(total), progress_(progress) {}

  void add(uint64_t bytes) { done_.fetch_add(bytes, std::memory_order_relaxed); }
  bool stopped() const { return stopped_.load(std::memory_order_relaxed); }
  // Only from the calling thread of verify_gguf().
  void report() {
    if (progress_ && !progress_(done_.load(std::memory_order_relaxed), total_)) stopped_ = true;
  }
  Result<void> outcome(const std::string& path) const {
    if (!stopped()) return {};
    return Error(ErrorCode::kInterrupted, fmt::format("{}: the check was stopped", path));
  }

 private:
  const uint64_t total_;
  const VerifyProgress& progress_;
  std::atomic<uint64_t> done_{0};
  std::atomic<bool> stopped_{false};
};

// A run of blocks of one tensor. Rows play no part: blocks never cross rows, so a tensor is one string of
// blocks.
struct Piece {
  size_t tensor;
  int64_t first;
  int64_t count;
};

std::vector<Piece> cut(std::span<const GgufTensor> tensors) {
  std::vector<Piece> pieces;
  for (size_t t = 0; t < tensors.size(); ++t) {
    const int64_t block_bytes = dtype_info(tensors[t].dtype).block_bytes;
    const int64_t n_blocks = static_cast<int64_t>(tensors[t].data.size()) / block_bytes;
    const int64_t step = static_cast<int64_t>(kPieceBytes) / block_bytes;
    for (int64_t first = 0; first < n_blocks; first += step)
      pieces.push_back({t, first, std::min(step, n_blocks - first)});
  }
  return pieces;
}

struct Found {
  int64_t first_bad = -1;
  int64_t bad_blocks = 0;
};

Found check_piece(const GgufTensor& tensor, const Piece& piece) {
  const DTypeInfo& info = dtype_info(tensor.dtype);
  Found found;
  int64_t at = piece.first;
  const int64_t end = piece.first + piece.count;
  while (at < end) {
    const int64_t bad = find_bad_block(tensor.dtype, tensor.data.data() + at * info.block_bytes,
                                       (end - at) * info.block_elems);
    if (bad < 0) break;
    if (found.first_bad < 0) found.first_bad = at + bad;
    ++found.bad_blocks;
    at += bad + 1;
  }
  return found;
}

BadTensor describe(const GgufTensor& tensor, const Found& found) {
  const DTypeInfo& info = dtype_info(tensor.dtype);
  const int64_t blocks_per_row = tensor.shape.last() / info.block_elems;
  BadTensor bad;
  bad.name = tensor.name;
  bad.dtype = tensor.dtype;
  bad.shard = tensor.shard;
  bad.bad_blocks = found.bad_blocks;
  bad.total_blocks = blocks_per_row * tensor.shape.rows();
  bad.row = found.first_bad / blocks_per_row;
  bad.block = found.first_bad % blocks_per_row;
  bad.file_offset = tensor.file_offset + static_cast<uint64_t>(found.first_bad * info.block_bytes);
  return bad;
}

std::vector<BadTensor> check_tensors(std::span<const GgufTensor> tensors, int threads, Meter& meter) {
  const std::vector<Piece> pieces = cut(tensors);
  std::vector<Found> found(tensors.size());
  std::mutex found_mutex;
  ThreadTeam team(std::clamp(threads, 1, ThreadTeam::most_threads()));  // or as many as there are
  team.run([&](Worker& worker) {
    int64_t begin = 0, end = 0;
    while (worker.claim(static_cast<int64_t>(pieces.size()), 1, begin, end)) {
      if (meter.stopped()) continue;  // the rest is still claimed, to leave the counter at its end
      const Piece& piece = pieces[static_cast<size_t>(begin)];
      const Found here = check_piece(tensors[piece.tensor], piece);
      if (here.bad_blocks > 0) {
        std::lock_guard lock(found_mutex);
        Found& sum = found[piece.tensor];
        sum.bad_blocks += here.bad_blocks;
        if (sum.first_bad < 0 || here.first_bad < sum.first_bad) sum.first_bad = here.first_bad;
      }
      meter.add(static_cast<uint64_t>(piece.count * dtype_info(tensors[piece.tensor].dtype).block_bytes));
      if (worker.index() == 0) meter.report();
    }
  });
  std::vector<BadTensor> bad;
  for (size_t t = 0; t < tensors.size(); ++t)
    if (found[t].bad_blocks > 0) bad.push_back(describe(tensors[t], found[t]));
  return bad;
}

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    GANNET_CHECK(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1,
                 "libcrypto");
  }
  void add(std::span<const std::byte> bytes) {
    GANNET_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, "libcrypto");
  }
  std::string hex() {
    std::array<uint8_t, 32> digest = {};
    GANNET_CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1, "libcrypto");
    std::string text;
    for (const uint8_t byte : digest) text += fmt::format("{:02x}", byte);
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

std::string hash_shard(const GgufShard& shard, Meter& meter) {
  Sha256 hash;
  for (uint64_t at = 0; at < shard.bytes.size() && !meter.stopped(); at += kPieceBytes) {
    const uint64_t size = std::min<uint64_t>(kPieceBytes, shard.bytes.size() - at);
    hash.add(shard.bytes.subspan(at, size));
    meter.add(size);
    meter.report();
  }
  return hash.hex();
}

VerifiedShard describe(const GgufFile& file, size_t index) {
  const GgufShard& shard = file.shards()[index];
  VerifiedShard out;
  out.path = shard.path;
  out.bytes = shard.bytes.size();
  // From the end of something up to where the next thing may begin.
  const auto check_padding = [&](uint64_t end) {
    const uint64_t padded = std::min((end + shard.alignment - 1) & ~(shard.alignment - 1), out.bytes);
    for (uint64_t at = end; at < padded; ++at) out.bad_padding += shard.bytes[at] != std::byte{0} ? 1 : 0;
    return padded;
  };
  uint64_t end = check_padding(shard.header_end);
  for (const GgufTensor& tensor : file.tensors())
    if (static_cast<size_t>(tensor.shard) == index)
      end = check_padding(tensor.file_offset + tensor.data.size());
  out.trailing_bytes = out.bytes - end;
  return out;
}

}  // namespace

bool VerifyReport::sound() const {
  return bad.empty() && std::ranges::all_of(shards, [](const VerifiedShard& shard) {
           return shard.trailing_bytes == 0 && shard.bad_padding == 0;
         });
}

Result<VerifyReport> verify_gguf(const GgufFile& file, const VerifyOptions& options,
                                 const VerifyProgress& progress) {
  VerifyReport report;
  report.n_entries = file.entries().size();
  report.n_tensors = file.tensors().size();
  for (const GgufTensor& tensor : file.tensors()) report.data_bytes += tensor.data.size();
  Meter meter(report.data_bytes + (options.sha256 ? file.file_bytes() : 0), progress);
  report.bad = check_tensors(file.tensors(), options.threads, meter);
  for (size_t i = 0; i < file.shards().size(); ++i) {
    report.shards.push_back(describe(file, i));
    if (options.sha256) report.shards.back().sha256 = hash_shard(file.shards()[i], meter);
  }
  meter.report();
  GANNET_TRY(meter.outcome(file.path()));
  return report;
}

Result<VerifyReport> verify_gguf(const std::string& path, const VerifyOptions& options,
                                 const VerifyProgress& progress) {
  const GgufFile file = GANNET_TRY(GgufFile::open(path));
  return verify_gguf(file, options, progress);
}

std::string sha256_hex(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hash.hex();
}

}  // namespace gannet
