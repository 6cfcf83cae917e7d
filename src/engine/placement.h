// Where the weights and the state of a model lie: on the device of a session, or on the CPU beside it. Ops
// run where their weights are (exec/split.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "exec/plan.h"
#include "model/hyperparameters.h"
#include "model/weights.h"
#include "state/state_layout.h"

namespace gannet {

// Homes of a session, as StateLayout counts memories: its device first.
inline constexpr size_t kDeviceHome = 0, kCpuHome = 1;

// What the user wants; what is not said is chosen so that it fits.
struct PlacementOptions {
  // So many layers on the device: the head (with the MTP block) counts as one and comes first, then the
  // trunk's layers from the last to the first. More than there are: all.
  std::optional<int64_t> layers;
  std::optional<int64_t> cpu_experts;  // the experts of so many layers, from the first on, on the CPU
  struct Rule {
    std::string pattern;  // a regular expression (PCRE2), searched for in names of tensors
    bool cpu = true;
  };
  std::vector<Rule> rules;      // the first that matches decides, before all else
  bool fit = true;              // else all that is not said to be elsewhere goes to the device
  int64_t margin = 1024 << 20;  // bytes of the device's memory that are left free
};

// "exps=CPU,blk\.1\.=vulkan0" as rules. `device`: the one there is. Errors: kUsage with the part that is not
// one.
Result<std::vector<PlacementOptions::Rule>> placement_rules(const std::string& text,
                                                            const std::string& device);

class Placement {
 public:
  // All on the device.
  Placement() = default;
  // The placements that options leave open, best first: experts go to the CPU before whole layers do. Just
  // one without `fit`, or if all is said.
  static std::vector<PlacementOptions> choices(const Hyperparameters& hp, const PlacementOptions& options);
  // `layers` and `cpu_experts` are said. Errors: kUsage for a pattern that is none.
  static Result<Placement> make(const Hyperparameters& hp, const WeightTable& weights,
                                const PlacementOptions& options);

  // Of a weight; kAnyHome: a vector, which is wherever it is needed.
  size_t home_of(const std::string& weight) const;
  size_t home_of_layer(const std::string& name) const;  // of what belongs to the same layer: of a state
  bool lies_on(const std::string& weight, size_t home) const {
    const size_t its = home_of(weight);
    return its == home || its == kAnyHome;
  }
  bool split() const { return split_; }  // whether anything lies on the CPU
  void place(StateLayout& layout) const;
  // Bytes of the tensors of a home, each once, without vectors.
  int64_t weight_bytes(const WeightTable& weights, size_t home) const;
  // "all layers without the experts of 12": what lies on the device.
  const std::string& text() const { return text_; }

 private:
  bool split_ = false;
  int64_t n_trunk_ = 0, first_layer_ = 0;  // the first on the device
  bool head_ = true;
  std::map<std::string, size_t> homes_;  // of matrices
  std::string text_;
};

}  // namespace gannet
