#include "engine/fingerprint.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

namespace gannet {
namespace {

constexpr size_t kBytesOfTensor = 64;

// FNV-1a, of 64 bits.
class Hash {
 public:
  void add(std::span<const std::byte> bytes) {
    for (const std::byte b : bytes) value_ = (value_ ^ static_cast<uint64_t>(b)) * 0x100000001b3;
  }
  void add(int64_t number) { add(std::as_bytes(std::span(&number, 1))); }
  void add(const std::string& text) {
    add(static_cast<int64_t>(text.size()));
    add(std::as_bytes(std::span(text)));
  }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xcbf29ce484222325;
};

}  // namespace

std::string fingerprint(const Model& model) {
  Hash hash;
  for (const auto& [name, view] : model.weights().all()) {
    hash.add(name);
    hash.add(static_cast<int64_t>(view.dtype));
    for (int i = 0; i < view.shape.rank; ++i) hash.add(view.shape.dim[i]);
    const int64_t bytes = row_bytes(view.dtype, view.shape.last()) * view.shape.rows();
    hash.add({view.data, std::min(static_cast<size_t>(bytes), kBytesOfTensor)});
  }
  return fmt::format("{:016x}", hash.value());
}

}  // namespace gannet
