#include "model/weights.h"

#include <new>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"
#include "model/tensors.h"
#include "model/variants.h"
#include "tensor/codec.h"

namespace gannet {

TensorView WeightTable::view(const std::string& name) const {
  const auto it = views_.find(name);
  return it == views_.end() ? TensorView{} : it->second;
}

TensorType WeightTable::type(const std::string& name) const {
  const auto it = views_.find(name);
  GANNET_CHECK(it != views_.end(), name.c_str());
  return {it->second.dtype, it->second.shape};
}

std::byte* WeightTable::own(int64_t bytes) {
  owned_.emplace_back(bytes);
  if (owned_.back().data() == nullptr) throw std::bad_alloc();
  owned_bytes_ += bytes;
  return owned_.back().data();
}

namespace {

// Element types a matrix may have: everything a kernel takes, not the plain integers and F64.
bool is_weight_type(DType type) {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16 || dtype_info(type).quantized;
}

// Shapes agree when their non-trivial axes do: a [D] gate may be stored as [1, D].
bool same_content(const Shape& a, const Shape& b) {
  return a.elements() == b.elements() && (a == b || (a.rows() == 1 && b.rows() == 1));
}

void bind(const GgufTensor& t, const TensorSpec& spec, WeightTable& table,
          std::vector<std::string>& problems) {
  if (!same_content(t.shape, spec.shape)) {
    problems.push_back(fmt::format("{} is {}, expected {}", spec.name, to_text({t.dtype, t.shape}),
                                   to_text({t.dtype, spec.shape})));
    return;
  }
  auto* data = const_cast<std::byte*>(t.data.data());
  const bool is_float = t.dtype == DType::kF32 || t.dtype == DType::kF16 || t.dtype == DType::kBF16;
  if (spec.role == TensorRole::kVector && !is_float) {
    problems.push_back(
        fmt::format("{} is stored as {}, but must be F32, F16 or BF16", spec.name, dtype_info(t.dtype).name));
  } else if (!is_weight_type(t.dtype)) {
    problems.push_back(
        fmt::format("{} is stored as {}, which is no weight type", spec.name, dtype_info(t.dtype).name));
  } else if (spec.role == TensorRole::kVector && t.dtype != DType::kF32) {
    const int64_t n = spec.shape.elements();
    std::byte* wide = table.own(n * 4);
    dequantize_row(t.dtype, data, reinterpret_cast<float*>(wide), n);
    // Both forms are there: graphs that widen in every run take one, the rest the other.
    table.set(spec.name, contiguous_view(data, t.dtype, spec.shape));
    table.set("f32:" + spec.name, contiguous_view(wide, DType::kF32, spec.shape));
  } else {
    table.set(spec.name, contiguous_view(data, t.dtype, spec.shape));
  }
}

// The file's tensor for `spec`. Some converters leave the ending off the one bias there is.
const GgufTensor* find_stored(const GgufFile& file, const TensorSpec& spec) {
  constexpr std::string_view kBias = ".bias";
  const GgufTensor* t = file.find_tensor(spec.name);
  if (t == nullptr && spec.name.ends_with(kBias))
    t = file.find_tensor(std::string_view(spec.name).substr(0, spec.name.size() - kBias.size()));
  return t;
}

// What a tensor of the model would change if it were not for us: not to be passed over.
void check_meaning(const GgufTensor& t, const WeightTable& table, const std::set<std::string>& scales,
                   std::vector<std::string>& problems) {
  // Kernels read weights where they lie; general.alignment may be less than what a float needs.
  if (reinterpret_cast<uintptr_t>(t.data.data()) % alignof(float) != 0)
    problems.push_back(
        fmt::format("{} begins at byte {}, which is no multiple of {}; write the file again with "
                    "general.alignment 32",
                    printable(t.name), t.file_offset, alignof(float)));
  if (t.name.ends_with(".scale") && !scales.contains(t.name))
    problems.push_back(
        fmt::format("{}: no factor is applied there; the file needs a newer program", printable(t.name)));
  if (t.name.ends_with(".bias") && !table.has(t.name))
    problems.push_back(
        fmt::format("{}: biases are not supported, no published Qwen3 model has them", printable(t.name)));
}

// "PATH: first problem; second; ...; and N more", the path once.
Error refusal(const GgufFile& file, std::vector<std::string> problems) {
  constexpr size_t kShown = 8;
  const size_t more = problems.size() > kShown ? problems.size() - kShown : 0;
  problems.resize(problems.size() - more);
  return Error(ErrorCode::kModelFile, fmt::format("{}: {}{}", file.path(), fmt::join(problems, "; "),
                                                  more ? fmt::format("; and {} more", more) : ""));
}

}  // namespace

void bind_scale(const VariantContext& c, const std::string& stored, const std::string& name, int64_t n) {
  const GgufTensor* t = c.file.find_tensor(scale_of(stored));
  if (t == nullptr) return;
  c.scales.insert(t->name);
  bind(*t, {scale_of(name), Shape(n), TensorRole::kVector}, c.table, c.problems);
}

Result<WeightTable> load_weights(const GgufFile& file, const Hyperparameters& hp) {
  if (hp.n_mtp > 0 && file.find_tensor("blk.0.attn_norm.weight") == nullptr)
    return Error(ErrorCode::kModelFile,
                 fmt::format("{}: holds only the MTP block of a model; give the main file", file.path()));
  WeightTable table;
  std::vector<std::string> problems;
  std::set<std::string> scales;
  const VariantContext context{file, hp, table, problems, scales};
  for (uint32_t n = 0; n < hp.n_blocks; ++n) bind_variants(context, n);
  for (const TensorSpec& spec : declare_tensors(hp)) {
    if (table.has(spec.name)) continue;  // a variant provided it
    if (const GgufTensor* t = find_stored(file, spec)) {
      bind(*t, spec, table, problems);
      if (spec.role == TensorRole::kExperts)
        bind_scale(context, spec.name, spec.name, hp.n_experts);
      else if (spec.role == TensorRole::kMatrix || spec.role == TensorRole::kHead)
        bind_scale(context, spec.name, spec.name, 1);
      continue;
    }
    const bool in_fused_experts =
        spec.name.ends_with("ffn_gate_exps.weight") || spec.name.ends_with("ffn_up_exps.weight");
    if (in_fused_experts &&
        table.has(spec.name.substr(0, spec.name.rfind("ffn_")) + "ffn_gate_up_exps.weight"))
      continue;
    if (spec.required) problems.push_back(fmt::format("{} is missing", spec.name));
  }
  for (const GgufTensor& t : file.tensors())
    if (is_model_tensor(t.name, hp)) check_meaning(t, table, scales, problems);
  if (!problems.empty()) return refusal(file, std::move(problems));
  return table;
}

}  // namespace gannet
