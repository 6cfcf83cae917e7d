// A model ready to run: file, hyper-parameters and bound weights. Immutable after loading; share it between
// sessions.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "gguf/gguf.h"
#include "model/hyperparameters.h"
#include "model/weights.h"

namespace gannet {

// Fraction done of bringing the file into memory, 0 to 1.
using LoadProgress = std::function<void(double fraction)>;

class Model {
 public:
  // Opens PATH (first shard of a split model), checks keys and tensors, and brings the pages in. `progress`
  // may be null. With `check_tensors` every scale of every tensor is checked to be finite. Errors:
  // kModelFile.
  static Result<std::shared_ptr<const Model>> load(const std::string& path, bool check_tensors,
                                                   const LoadProgress& progress);
  // The same for a file in memory that lives as long as the program.
  static Result<std::shared_ptr<const Model>> load_embedded(std::span<const std::byte> bytes,
                                                            const std::string& name);

  const GgufFile& file() const { return file_; }
  const Hyperparameters& hyperparameters() const { return hp_; }
  const WeightTable& weights() const { return weights_; }

  int64_t weight_bytes() const;  // of all tensors in the file
  int64_t parameter_count() const;
  // "qwen35moe 34.66B Q4_0": architecture, parameters and the type that most bytes have.
  std::string type_text() const;

 private:
  Model(GgufFile file, Hyperparameters hp, WeightTable weights);
  static Result<std::shared_ptr<const Model>> make(GgufFile file, bool check_tensors);

  GgufFile file_;
  Hyperparameters hp_;
  WeightTable weights_;
};

}  // namespace gannet
