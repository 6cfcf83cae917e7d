// The weights of a loaded model: canonical names bound to memory. Tensors stay where the file's mapping has
// them; only what must change its form (F16/BF16 vectors to F32, regrouped rows of older files) is copied.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/huge_pages.h"
#include "gguf/gguf.h"
#include "ir/op_def.h"
#include "model/hyperparameters.h"

namespace gannet {

// Names and types without memory: enough to build graphs.
class WeightTable {
 public:
  bool has(const std::string& name) const { return views_.count(name) != 0; }
  TensorView view(const std::string& name) const;  // data null when absent
  TensorType type(const std::string& name) const;  // must exist

  void set(const std::string& name, const TensorView& view) { views_[name] = view; }
  const std::map<std::string, TensorView>& all() const { return views_; }

  // Memory for converted tensors, owned by the table. Throws std::bad_alloc when there is none.
  std::byte* own(int64_t bytes);
  int64_t owned_bytes() const { return owned_bytes_; }

 private:
  std::map<std::string, TensorView> views_;
  std::vector<HugeMemory> owned_;
  int64_t owned_bytes_ = 0;
};

// Binds every canonical tensor of hp to the file; vectors that are stored as F16 or BF16 also as "f32:NAME",
// widened. The factors of matrices (scale_of) are bound beside them. Missing tensors, wrong shapes and
// tensors of the model that would change its meaning (biases) are reported in one kModelFile error, the first
// few and the number of the others, separated by "; ". Tensors that are not of the model (is_model_tensor)
// are not looked at. `file` must outlive the table.
Result<WeightTable> load_weights(const GgufFile& file, const Hyperparameters& hp);

}  // namespace gannet
