#include "engine/placement.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <charconv>
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

constexpr std::string_view kWidened = "f32:";  // copies of vectors, see load_weights()

std::string_view tensor_of(std::string_view name) {
  if (name.starts_with(kWidened)) name.remove_prefix(kWidened.size());
  return name;
}

// "blk.12.attn_q.weight" and "kv.12": 12; -1: of no layer.
int64_t layer_of(std::string_view name) {
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos) return -1;
  int64_t layer = -1;
  const char* end = name.data() + name.size();
  const auto [rest, code] = std::from_chars(name.data() + dot + 1, end, layer);
  return code == std::errc() && (rest == end || *rest == '.') ? layer : -1;
}

bool is_experts(std::string_view name) {
  return name.find("_exps.") != std::string_view::npos;
}

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

bool listed(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::binary_search(names, name);
}

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
  Placement p;
  p.n_trunk_ = hp.n_trunk();
  const int64_t all = p.n_trunk_ + 1, n = std::clamp<int64_t>(options.layers.value_or(all), 0, all);
  p.head_ = n > 0;
  p.first_layer_ = p.n_trunk_ - std::max<int64_t>(0, n - 1);
  p.cpu_experts_ =
      hp.n_experts == 0 ? 0 : std::clamp<int64_t>(options.cpu_experts.value_or(0), 0, p.n_trunk_ + hp.n_mtp);
  // A head of its own leaves the embedding to be read where the first layer is.
  p.embedding_ = p.first_layer_ == 0 || (p.head_ && !weights.has("output.weight"));
  std::set<std::string> matrices;
  for (const TensorSpec& spec : declare_tensors(hp))
    if (spec.role != TensorRole::kVector) matrices.insert(spec.name);
  for (const auto& [name, view] : weights.all())
    if (!matrices.contains(name)) p.vectors_.push_back(name);
  std::vector<Pattern> patterns;
  for (const PlacementOptions::Rule& rule : options.rules)
    patterns.push_back(GANNET_TRY(Pattern::compile(rule.pattern)));
  for (const auto& [name, view] : weights.all()) {
    const std::string_view tensor = tensor_of(name);
    if (!matrices.contains(name)) continue;
    for (size_t i = 0; i < patterns.size(); ++i) {
      if (!patterns[i].found_in(tensor)) continue;
      (options.rules[i].cpu ? p.cpu_ : p.device_).push_back(name);
      break;
    }
  }
  std::ranges::sort(p.cpu_);
  std::ranges::sort(p.device_);
  for (const auto& [name, view] : weights.all()) p.split_ = p.split_ || p.home_of(name) == kCpuHome;
  p.text_ = n == all ? "all layers" : fmt::format("{} of {} layers", n, all);
  const int64_t apart = std::max<int64_t>(0, p.cpu_experts_ - p.first_layer_);
  if (apart > 0) p.text_ += fmt::format(" without the experts of {}", apart);
  if (!p.cpu_.empty()) p.text_ += fmt::format(", {} tensors by rule on the CPU", p.cpu_.size());
  return p;
}

size_t Placement::home_of(const std::string& name) const {
  if (split_ && listed(vectors_, name)) return kAnyHome;
  if (listed(cpu_, name)) return kCpuHome;
  if (listed(device_, name)) return kDeviceHome;
  if (name == kDraftHead) return kDeviceHome;  // Session::use_draft_head
  const std::string_view tensor = tensor_of(name);
  const int64_t layer = layer_of(tensor);
  bool here = head_;  // the head and the MTP block
  if (layer >= 0 && layer < n_trunk_) here = layer >= first_layer_;
  if (tensor == "token_embd.weight") here = embedding_;
  if (is_experts(tensor) && layer < cpu_experts_) here = false;
  return here ? kDeviceHome : kCpuHome;
}

void Placement::place(StateLayout& layout) const {
  for (StateLayout::KvLayer& layer : layout.kv) layer.memory = home_of(layer.name);
  for (StateLayout::Recurrent& layer : layout.recurrent) layer.memory = home_of(layer.name);
}

int64_t Placement::weight_bytes(const WeightTable& weights, size_t home) const {
  std::set<const std::byte*> seen;
  int64_t bytes = 0;
  for (const auto& [name, view] : weights.all())
    if (home_of(name) == home && seen.insert(view.data).second) bytes += extent_bytes(view);
  return bytes;
}

}  // namespace gannet
