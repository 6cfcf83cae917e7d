// A model ready to run: file, hyper-parameters, bound weights and the memory they lie in. Immutable after
// loading, except that weights move into better memory without changing; share it between sessions.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/weight_memory.h"
#include "gguf/gguf.h"
#include "model/hyperparameters.h"
#include "model/notes.h"
#include "model/weights.h"

namespace gannet {

class Model {
 public:
  // Opens PATH (first shard of a split model), checks keys and tensors, and brings the pages in. `progress`
  // may be null. Errors: kModelFile, kOutOfMemory.
  static Result<std::shared_ptr<const Model>> load(const std::string& path, const LoadOptions& options,
                                                   const LoadProgress& progress);
  // The same for a file in memory that lives as long as the program.
  static Result<std::shared_ptr<const Model>> load_embedded(std::span<const std::byte> bytes,
                                                            const std::string& name);

  const GgufFile& file() const { return file_; }
  const Hyperparameters& hyperparameters() const { return hp_; }
  const WeightTable& weights() const { return weights_; }
  WeightMemory& memory() const { return *memory_; }
  // What there is to say about the file, vocabulary included; nothing of it keeps the model from running.
  const std::vector<ModelNote>& notes() const { return notes_; }

  int64_t weight_bytes() const;  // of all tensors in the file
  int64_t parameter_count() const;
  // "qwen35moe 34.66B Q4_0": architecture, parameters and the type that most bytes have.
  std::string type_text() const;

 private:
  Model(GgufFile file, Hyperparameters hp, WeightTable weights);
  static Result<std::shared_ptr<const Model>> make(GgufFile file, const LoadOptions& options,
                                                   const LoadProgress& progress);

  GgufFile file_;
  Hyperparameters hp_;
  WeightTable weights_;
  std::vector<ModelNote> notes_;
  std::unique_ptr<WeightMemory> memory_;
};

// The notes of a file that is not (or need not be) loaded as a model.
std::vector<ModelNote> file_notes(const GgufFile& file, const Hyperparameters& hp);

}  // namespace gannet
