#include "model/heat.h"

#include <charconv>
#include <string_view>

namespace gannet {
namespace {

// N of "blk.N.REST"; -1 for other names.
int64_t block_of(std::string_view name) {
  constexpr std::string_view kPrefix = "blk.";
  if (!name.starts_with(kPrefix)) return -1;
  int64_t block = -1;
  std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), block);
  return block;
}

}  // namespace

double reads_per_token(const GgufFile& file, const Hyperparameters& hp, const GgufTensor& tensor) {
  const auto one_of = [](int64_t n) { return 1.0 / static_cast<double>(n > 0 ? n : 1); };
  if (block_of(tensor.name) >= static_cast<int64_t>(hp.n_trunk())) return 0;
  if (tensor.name == "token_embd.weight" && file.find_tensor("output.weight") != nullptr)
    return one_of(tensor.shape.rows());
  if (tensor.name.find("_exps.") != std::string::npos) return hp.n_experts_used * one_of(hp.n_experts);
  return 1;
}

}  // namespace gannet
