#include "model/heat.h"

#include "model/tensors.h"

namespace gannet {

double reads_per_token(const GgufFile& file, const Hyperparameters& hp, const GgufTensor& tensor) {
  const auto one_of = [](int64_t n) { return 1.0 / static_cast<double>(n > 0 ? n : 1); };
  if (!is_model_tensor(tensor.name, hp) || block_of(tensor.name) >= static_cast<int64_t>(hp.n_trunk()))
    return 0;
  if (tensor.name == "token_embd.weight" && file.find_tensor("output.weight") != nullptr)
    return one_of(tensor.shape.rows());
  if (tensor.name.find("_exps.") != std::string::npos) return hp.n_experts_used * one_of(hp.n_experts);
  return 1;
}

}  // namespace gannet
