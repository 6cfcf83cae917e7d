#include "draft/ngram_cache_file.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "base/printable.h"

namespace gannet {
namespace {

static_assert(std::endian::native == std::endian::little, "files are little endian");

// Takes up to four times as much memory.
constexpr size_t kMostBytes = size_t{1} << 29;

struct Reader {
  std::span<const std::byte> bytes;
  const std::string& path;
  size_t at = 0;

  Error error(size_t byte, const std::string& what) const {
    return {ErrorCode::kRuntime,
            fmt::format("{}: not a file of n-gram counts: {} at byte {}", printable(path), what, byte)};
  }
  Result<int32_t> next() {
    if (bytes.size() - at < sizeof(int32_t)) return error(at, "it is cut off");
    int32_t value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    at += sizeof value;
    return value;
  }
};

Result<void> read_record(Reader& in, TokenId n_vocab, NgramCounts& counts) {
  Ngram ngram;
  for (size_t i = 0; i < ngram.size(); ++i) {
    const size_t byte = in.at;
    ngram[i] = GANNET_TRY(in.next());
    if (ngram[i] < -1 || ngram[i] >= n_vocab)
      return in.error(byte, fmt::format("token {} of a vocabulary of {}", ngram[i], n_vocab));
    if (i == 0 && ngram[i] == -1) return in.error(byte, "an empty n-gram");
    if (i > 0 && ngram[i - 1] == -1 && ngram[i] != -1) return in.error(byte, "an n-gram with a gap");
  }
  const size_t byte_of_n = in.at;
  const int32_t n = GANNET_TRY(in.next());
  if (n < 1 || static_cast<size_t>(n) > (in.bytes.size() - in.at) / (2 * sizeof(int32_t)))
    return in.error(byte_of_n, fmt::format("{} tokens, more than there are", n));
  for (int32_t i = 0; i < n; ++i) {
    const size_t byte = in.at;
    const TokenId token = GANNET_TRY(in.next());
    if (token < 0 || token >= n_vocab)
      return in.error(byte, fmt::format("token {} of a vocabulary of {}", token, n_vocab));
    const int32_t count = GANNET_TRY(in.next());
    if (count < 1) return in.error(byte + sizeof token, fmt::format("a count of {}", count));
    counts.add(ngram, token, count);
  }
  return {};
}

}  // namespace

Result<NgramCounts> parse_ngram_counts(std::span<const std::byte> bytes, TokenId n_vocab,
                                       const std::string& path) {
  Reader in{bytes, path};
  if (bytes.size() > kMostBytes) return in.error(kMostBytes, "more than 512 MiB");
  NgramCounts counts;
  while (in.at < bytes.size()) GANNET_TRY(read_record(in, n_vocab, counts));
  return counts;
}

Result<NgramCounts> read_ngram_counts(const std::string& path, TokenId n_vocab) {
  auto file = MappedFile::open(path);
  if (!file.ok()) return Error(ErrorCode::kUsage, file.error().message());
  return parse_ngram_counts(file->bytes(), n_vocab, path);
}

Result<void> write_ngram_counts(const NgramCounts& counts, const std::string& path) {
  const uint64_t n_bytes = 20 * counts.entries().size() + 8 * counts.n_nexts();
  AtomicFile file = GANNET_TRY(AtomicFile::create(path, n_bytes));
  std::vector<int32_t> record;
  for (const NgramCounts::Entry& entry : counts.entries()) {
    record.assign(entry.tokens.begin(), entry.tokens.end());
    record.push_back(0);
    for (const uint32_t i : counts.nexts_of(entry)) {
      record.push_back(counts.next(i).token);
      record.push_back(counts.next(i).count);
      ++record[kLongestNgram];
    }
    GANNET_TRY(file.write(record.data(), record.size() * sizeof(int32_t)));
  }
  return file.commit();
}

}  // namespace gannet
