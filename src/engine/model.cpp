#include "engine/model.h"

#include <sys/mman.h>

#include <algorithm>

#include <fmt/format.h>

#include "tensor/codec.h"

namespace gannet {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kPiece = 64 << 20;

// Maps all pages of the file before the first token asks for them one by one.
void bring_in(const GgufFile& file, const LoadProgress& progress) {
  const double total = static_cast<double>(std::max<uint64_t>(1, file.file_bytes()));
  double done = 0;
  for (const GgufShard& shard : file.shards()) {
    for (size_t at = 0; at < shard.bytes.size(); at += kPiece) {
      const size_t n = std::min(kPiece, shard.bytes.size() - at);
      auto* address = const_cast<std::byte*>(shard.bytes.data() + at);
#ifdef MADV_POPULATE_READ
      const bool populated = madvise(address, n, MADV_POPULATE_READ) == 0;
#else
      const bool populated = false;
#endif
      if (!populated) {
        madvise(address, n, MADV_WILLNEED);
        for (size_t i = 0; i < n; i += kPage)
          static_cast<void>(*static_cast<volatile const std::byte*>(address + i));
      }
      done += static_cast<double>(n);
      if (progress) progress(done / total);
    }
  }
}

Result<void> check_rows(const GgufFile& file) {
  for (const GgufTensor& t : file.tensors()) {
    const int64_t n = t.shape.last(), bytes = row_bytes(t.dtype, n);
    for (int64_t row = 0; row < t.shape.rows(); ++row) {
      const int64_t bad = find_bad_block(t.dtype, t.data.data() + row * bytes, n);
      if (bad >= 0)
        return Error(
            ErrorCode::kModelFile,
            fmt::format(
                "{}: {} row {} block {} (byte {}) holds a value that is not finite; download the file again",
                file.path(), t.name, row, bad, t.file_offset + static_cast<uint64_t>(row * bytes)));
    }
  }
  return {};
}

}  // namespace

Model::Model(GgufFile file, Hyperparameters hp, WeightTable weights)
    : file_(std::move(file)), hp_(std::move(hp)), weights_(std::move(weights)) {}

Result<std::shared_ptr<const Model>> Model::make(GgufFile file, bool check_tensors) {
  Hyperparameters hp = GANNET_TRY(read_hyperparameters(file));
  WeightTable weights = GANNET_TRY(load_weights(file, hp));
  if (check_tensors) GANNET_TRY(check_rows(file));
  return std::shared_ptr<const Model>(new Model(std::move(file), std::move(hp), std::move(weights)));
}

Result<std::shared_ptr<const Model>> Model::load(const std::string& path, bool check_tensors,
                                                 const LoadProgress& progress) {
  GgufFile file = GANNET_TRY(GgufFile::open(path));
  auto model = GANNET_TRY(make(std::move(file), check_tensors));
  bring_in(model->file(), progress);
  return model;
}

Result<std::shared_ptr<const Model>> Model::load_embedded(std::span<const std::byte> bytes,
                                                          const std::string& name) {
  GgufFile file = GANNET_TRY(GgufFile::parse(bytes, name));
  return make(std::move(file), false);
}

int64_t Model::weight_bytes() const {
  int64_t bytes = 0;
  for (const GgufTensor& t : file_.tensors()) bytes += static_cast<int64_t>(t.data.size());
  return bytes;
}

int64_t Model::parameter_count() const {
  int64_t n = 0;
  for (const GgufTensor& t : file_.tensors()) n += t.shape.elements();
  return n;
}

std::string Model::type_text() const {
  std::map<std::string_view, int64_t> bytes;
  for (const GgufTensor& t : file_.tensors())
    bytes[dtype_info(t.dtype).name] += static_cast<int64_t>(t.data.size());
  const auto most =
      std::max_element(bytes.begin(), bytes.end(), [](auto& a, auto& b) { return a.second < b.second; });
  const double billions = static_cast<double>(parameter_count()) * 1e-9;
  return fmt::format("{} {:.2f}B {}", hp_.arch_facts().name, billions,
                     most == bytes.end() ? "" : most->first);
}

}  // namespace gannet
