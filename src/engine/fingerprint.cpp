#include "engine/fingerprint.h"

#include <algorithm>

#include <fmt/format.h>

#include "text/hash.h"

namespace gannet {
namespace {

constexpr int64_t kBytesOfTensor = 64;

}  // namespace

std::string fingerprint(const Model& model) {
  uint64_t hash = 0;  // the same seed in every process: it is stored
  for (const auto& [name, view] : model.weights().all()) {
    hash = hash_bytes(name, hash);
    hash = hash_bytes(fmt::format("{}", dtype_info(view.dtype).name), hash);
    for (int i = 0; i < view.shape.rank; ++i)
      hash = hash_pair(static_cast<uint64_t>(view.shape.dim[i]), hash);
    const int64_t n = std::min(tensor_bytes(view.dtype, view.shape), kBytesOfTensor);
    hash = hash_bytes({reinterpret_cast<const char*>(view.data), static_cast<size_t>(n)}, hash);
  }
  return fmt::format("{:016x}", hash);
}

}  // namespace gannet
