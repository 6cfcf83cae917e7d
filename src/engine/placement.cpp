#include "engine/placement.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string_view>

#include <fmt/core.h>

#include "backend/api/placed_tensor.h"
#include "base/printable.h"
#include "model/graphs.h"
#include "model/tensors.h"

namespace gannet {
namespace {

class Pattern {
 public:
  static Result<Pattern> compile(const std::string& text) {
    int code = 0;
    PCRE2_SIZE at = 0;
    Pattern pattern;
    pattern.code_.reset(
        pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, &code, &at, nullptr));
    if (pattern.code_ == nullptr) {
      char why[128];
      pcre2_get_error_message(code, reinterpret_cast<PCRE2_UCHAR*>(why), sizeof why);
      return Error(ErrorCode::kUsage,
                   fmt::format("\"{}\" is no regular expression: {} at {}", printable(text), why, at));
    }
    pattern.match_.reset(pcre2_match_data_create_from_pattern(pattern.code_.get(), nullptr));
    return pattern;
  }
  bool found_in(std::string_view text) const {
    return pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0,
                       match_.get(), nullptr) >= 0;
  }

 private:
  struct Free {
    void operator()(pcre2_code* code) const { pcre2_code_free(code); }
    void operator()(pcre2_match_data* match) const { pcre2_match_data_free(match); }
  };
  std::unique_ptr<pcre2_code, Free> code_;
  std::unique_ptr<pcre2_match_data, Free> match_;
};

}  // namespace

Result<std::vector<PlacementOptions::Rule>> placement_rules(const std::string& text,
                                                            const std::string& device) {
  std::vector<PlacementOptions::Rule> rules;
  const auto same = [](std::string_view a, std::string_view b) {
    return std::ranges::equal(
        a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
  };
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string rule = text.substr(begin, end - begin);
    const size_t equals = rule.rfind('=');
    if (equals == std::string::npos || equals == 0)
      return Error(ErrorCode::kUsage, fmt::format("\"{}\" is no PATTERN=DEVICE", printable(rule)));
    const std::string home = rule.substr(equals + 1);
    if (!same(home, "cpu") && !same(home, device))
      return Error(ErrorCode::kUsage,
                   fmt::format("\"{}\": the model runs on {}", printable(rule),
                               same(device, "cpu") ? "the CPU alone" : device + " and cpu"));
    rules.push_back({rule.substr(0, equals), same(home, "cpu")});
    begin = end + 1;
  }
  return rules;
}

std::vector<PlacementOptions> Placement::choices(const Hyperparameters& hp, const PlacementOptions& options) {
  std::vector<PlacementOptions> all;
  const auto add = [&](int64_t layers, int64_t cpu_experts) {
    PlacementOptions& choice = all.emplace_back(options);
    choice.layers = layers;
    choice.cpu_experts = cpu_experts;
  };
  const int64_t n_layers = int64_t{hp.n_trunk()} + 1, n_blocks = hp.n_blocks;
  const int64_t layers = options.layers.value_or(n_layers), experts = options.cpu_experts.value_or(0);
  add(layers, experts);
  if (!options.fit) return all;
  const bool may_part = hp.n_experts > 0 && !options.cpu_experts;
  for (int64_t n = 1; may_part && n <= n_blocks; ++n) add(layers, n);
  for (int64_t n = n_layers - 1; !options.layers && n >= 0; --n) add(n, may_part ? n_blocks : experts);
  return all;
}

Result<Placement> Placement::make(const Hyperparameters& hp, const WeightTable& weights,
                                  const PlacementOptions& options) {
  const int64_t n_trunk = hp.n_trunk(), all = n_trunk + 1;
  const int64_t n = std::clamp<int64_t>(options.layers.value_or(all), 0, all);
  const int64_t cpu_experts = std::clamp<int64_t>(options.cpu_experts.value_or(0), 0, hp.n_blocks);
  Placement p;
  p.n_trunk_ = n_trunk;
  p.head_ = n > 0;
  p.first_layer_ = n_trunk - std::max<int64_t>(0, n - 1);
  std::map<std::string, TensorRole> roles;
  for (const TensorSpec& spec : declare_tensors(hp)) roles[spec.name] = spec.role;
  std::vector<Pattern> patterns;
  for (const PlacementOptions::Rule& rule : options.rules)
    patterns.push_back(GANNET_TRY(Pattern::compile(rule.pattern)));
  int64_t n_by_rule = 0;
  std::set<int> without_experts;
  for (const auto& [name, view] : weights.all()) {
    // What is declared as no matrix, and what the loader adds (widened vectors, factors of products), is
    // small.
    const auto role = roles.find(name);
    if (role == roles.end() || role->second == TensorRole::kVector) continue;
    size_t home = p.home_of_layer(name);
    // A head of its own leaves the embedding to be read where the first layer is.
    if (role->second == TensorRole::kEmbedding && (!p.head_ || weights.has("output.weight")))
      home = p.first_layer_ == 0 ? kDeviceHome : kCpuHome;
    if (role->second == TensorRole::kExperts && home == kDeviceHome && layer_of(name) < cpu_experts) {
      home = kCpuHome;
      without_experts.insert(layer_of(name));
    }
    for (size_t i = 0; i < patterns.size(); ++i) {
      if (!patterns[i].found_in(name)) continue;
      home = options.rules[i].cpu ? kCpuHome : kDeviceHome;
      n_by_rule += options.rules[i].cpu ? 1 : 0;
      break;
    }
    p.homes_[name] = home;
    p.split_ = p.split_ || home == kCpuHome;
  }
  p.text_ = n == all ? "all layers" : fmt::format("{} of {} layers", n, all);
  if (!without_experts.empty()) p.text_ += fmt::format(" without the experts of {}", without_experts.size());
  if (n_by_rule > 0) p.text_ += fmt::format(", {} tensors by rule on the CPU", n_by_rule);
  return p;
}

// Of all that belongs to a layer; the head and the MTP block go together.
size_t Placement::home_of_layer(const std::string& name) const {
  const int layer = layer_of(name);
  const bool here = layer >= 0 && layer < n_trunk_ ? layer >= first_layer_ : head_;
  return here ? kDeviceHome : kCpuHome;
}

size_t Placement::home_of(const std::string& weight) const {
  if (!split_ || weight == kDraftHead) return kDeviceHome;  // Session::use_draft_head
  const auto at = homes_.find(weight);
  return at == homes_.end() ? kAnyHome : at->second;
}

void Placement::place(StateLayout& layout) const {
  for (StateLayout::KvLayer& layer : layout.kv) layer.memory = home_of_layer(layer.name);
  for (StateLayout::Recurrent& layer : layout.recurrent) layer.memory = home_of_layer(layer.name);
}

int64_t Placement::weight_bytes(const WeightTable& weights, size_t home) const {
  std::set<const std::byte*> seen;
  int64_t bytes = 0;
  for (const auto& [name, view] : weights.all())
    if (home_of(name) == home && seen.insert(view.data).second) bytes += extent_bytes(view);
  return bytes;
}

}  // namespace gannet
