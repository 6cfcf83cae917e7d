#include "model/hyperparameters.h"

#include <array>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"
#include "model/tensors.h"

namespace gannet {
namespace {

constexpr uint32_t kAny = 0xFFFFFFFF;
constexpr float kLowestRopeFactor = 1e-3f, kHighestRopeFactor = 1e6f;

// One call per key: field, key suffix, whether a file must have it, range. A default is what the field holds
// before the visit. Order matters only where a default comes from an earlier field.
template <class V>
void visit_fields(Hyperparameters& hp, V& v) {
  const ArchitectureFacts& f = hp.arch_facts();
  v.number("context_length", hp.context_length, true, 1, kAny);
  v.number("embedding_length", hp.n_embd, true, 1, 1 << 20);
  v.number("block_count", hp.n_blocks, true, 1, 4096);
  v.number("nextn_predict_layers", hp.n_mtp, false, 0, 1);
  v.per_block("feed_forward_length", hp.n_ff, !f.moe, 0, 1 << 24);
  v.per_block("attention.head_count", hp.n_heads, true, 1, 1 << 16);
  v.fallback(hp.n_kv_heads, hp.n_heads);
  v.per_block("attention.head_count_kv", hp.n_kv_heads, false, 1, 1 << 16);
  v.fallback(hp.head_dim, hp.n_heads == 0 ? 0 : hp.n_embd / hp.n_heads);
  v.number("attention.key_length", hp.head_dim, false, 8, 4096);
  uint32_t value_dim = hp.head_dim;
  v.number("attention.value_length", value_dim, false, 8, 4096);
  v.require(value_dim == hp.head_dim,
            "attention.value_length differs from attention.key_length, which no Qwen model has");
  v.number("attention.layer_norm_rms_epsilon", hp.eps, true, 0.0f, 1.0f);

  v.fallback(hp.n_rot, hp.head_dim);
  v.number("rope.dimension_count", hp.n_rot, false, 2, 4096);
  v.number("rope.freq_base", hp.rope_base, false, 1.0f, 1e12f);
  v.sections("rope.dimension_sections", hp.rope_sections, f.rope_sections);
  v.text("rope.scaling.type", hp.rope_scaling);
  if (hp.rope_scaling != "none") {
    v.number("rope.scaling.factor", hp.rope_factor, false, kLowestRopeFactor, kHighestRopeFactor);
    v.fallback(hp.rope_original_context, hp.context_length);
    v.number("rope.scaling.original_context_length", hp.rope_original_context, false, 1, kAny);
    v.number("rope.scaling.attn_factor", hp.rope_attn_factor, false, 1e-6f, 1e6f);
  }

  if (f.moe) {
    v.number("expert_count", hp.n_experts, true, 1, 65536);
    v.per_block("expert_used_count", hp.n_experts_used, true, 1, 65536);
    v.fallback(hp.n_ff_expert, hp.n_experts_used == 0 ? 0 : hp.n_ff / hp.n_experts_used);
    v.per_block("expert_feed_forward_length", hp.n_ff_expert, false, 1, 1 << 24);
    if (f.shared_expert) {
      v.fallback(hp.n_ff_shared, hp.n_ff);
      v.number("expert_shared_feed_forward_length", hp.n_ff_shared, false, 1, 1 << 24);
    }
  }
  if (f.delta_net) {
    v.number("ssm.conv_kernel", hp.conv_kernel, true, 2, 64);
    v.number("ssm.state_size", hp.delta_head_dim, true, 8, 4096);
    v.number("ssm.group_count", hp.n_k_heads, true, 1, 65536);
    v.number("ssm.time_step_rank", hp.n_v_heads, true, 1, 65536);
    uint32_t inner = hp.value_width();
    v.number("ssm.inner_size", inner, true, 1, kAny);
    v.require(inner == hp.value_width(), "ssm.inner_size is not ssm.state_size * ssm.time_step_rank");
    v.number("full_attention_interval", hp.full_attention_interval, false, 1, 4096);
  }
}

class Reader {
 public:
  Reader(const GgufFile& file, const Hyperparameters& hp)
      : file_(file), prefix_(std::string(hp.arch_facts().name) + "."), hp_(hp) {}

  void number(const char* suffix, uint32_t& field, bool required, uint32_t low, uint32_t high) {
    auto value = file_.get_uint(prefix_ + suffix);
    if (take(suffix, value, required)) check_range(suffix, **value, low, high, field);
  }
  void number(const char* suffix, float& field, bool required, float low, float high) {
    auto value = file_.get_float(prefix_ + suffix);
    if (!take(suffix, value, required)) return;
    const double v = **value;
    if (!(v >= low && v <= high))
      problem(fmt::format("{}{} is {}, allowed is {} to {}", prefix_, suffix, v, low, high));
    else
      field = static_cast<float>(v);
  }
  // A number, or an array with one entry per block. The families have no layer that differs, so entries must
  // agree; zeros (blocks of another kind) are passed over.
  void per_block(const char* suffix, uint32_t& field, bool required, uint32_t low, uint32_t high) {
    const std::string key = prefix_ + suffix;
    const GgufValue* found = file_.find(key);
    if (found == nullptr || !found->is_array()) return number(suffix, field, required, low, high);
    auto values = file_.get_uint_array(key);
    if (!take(suffix, values, required)) return;
    if ((*values)->size() < hp_.n_trunk())
      return problem(fmt::format("{} has {} entries for {} blocks", key, (*values)->size(), hp_.n_trunk()));
    uint64_t common = 0;
    for (uint64_t v : **values) {
      if (v == 0) continue;
      if (common != 0 && v != common)
        return problem(fmt::format("{} differs between blocks, which no Qwen model has", key));
      common = v;
    }
    check_range(suffix, common, low, high, field);
  }
  void text(const char* suffix, std::string& field) {
    auto value = file_.get_string(prefix_ + suffix);
    if (take(suffix, value, false)) field = std::string(**value);
  }
  void sections(const char* suffix, std::vector<int32_t>& field, bool required) {
    auto values = file_.get_int_array(prefix_ + suffix);
    if (!take(suffix, values, required)) return;
    if ((*values)->size() > 4) return problem(fmt::format("{}{} has more than 4 entries", prefix_, suffix));
    for (int64_t v : **values) {
      if (v < 0 || v > 4096) return problem(fmt::format("{}{} holds {}", prefix_, suffix, v));
      field.push_back(static_cast<int32_t>(v));
    }
  }
  void fallback(uint32_t& field, uint32_t value) { field = value; }
  void require(bool condition, const char* what) {
    if (!condition) problem(prefix_ + what);
  }
  void problem(const std::string& what) { problems_.push_back(what); }
  // The message of a typed read without the path in front, which the whole list gets.
  std::string without_path(const std::string& message) const {
    const std::string path = file_.path() + ": ";
    return message.starts_with(path) ? message.substr(path.size()) : message;
  }
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  template <class T>
  bool take(const char* suffix, Result<std::optional<T>>& value, bool required) {
    if (!value.ok()) {
      problem(without_path(value.error().message()));
      return false;
    }
    if (!value->has_value()) {
      if (required) problem(fmt::format("the key {}{} is missing", prefix_, suffix));
      return false;
    }
    return true;
  }
  void check_range(const char* suffix, uint64_t v, uint32_t low, uint32_t high, uint32_t& field) {
    if (v < low || v > high)
      problem(fmt::format("{}{} is {}, allowed is {} to {}", prefix_, suffix, v, low, high));
    else
      field = static_cast<uint32_t>(v);
  }

  const GgufFile& file_;
  std::string prefix_;
  const Hyperparameters& hp_;
  std::vector<std::string> problems_;
};

class Writer {
 public:
  Writer(GgufBuilder& out, const std::string& arch) : out_(out), prefix_(arch + ".") {}
  void number(const char* suffix, uint32_t& field, bool required, uint32_t, uint32_t) {
    if (required || field != 0) out_.set_u32(prefix_ + suffix, field);
  }
  void number(const char* suffix, float& field, bool, float, float) { out_.set_f32(prefix_ + suffix, field); }
  void per_block(const char* suffix, uint32_t& field, bool required, uint32_t low, uint32_t high) {
    number(suffix, field, required, low, high);
  }
  void text(const char* suffix, std::string& field) {
    if (field != "none") out_.set_string(prefix_ + suffix, field);
  }
  void sections(const char* suffix, std::vector<int32_t>& field, bool) {
    if (!field.empty()) out_.set_numbers<int32_t>(prefix_ + suffix, field);
  }
  void fallback(uint32_t&, uint32_t) {}
  void require(bool, const char*) {}

 private:
  GgufBuilder& out_;
  std::string prefix_;
};

class Printer {
 public:
  std::string out;
  template <class T, class Low, class High>
  void number(const char* suffix, T& field, bool, Low, High) {
    line(suffix, fmt::format("{}", field));
  }
  void per_block(const char* suffix, uint32_t& field, bool, uint32_t, uint32_t) {
    line(suffix, fmt::format("{}", field));
  }
  void text(const char* suffix, std::string& field) { line(suffix, field); }
  void sections(const char* suffix, std::vector<int32_t>& field, bool) {
    if (!field.empty()) line(suffix, fmt::format("{}", fmt::join(field, ", ")));
  }
  void fallback(uint32_t&, uint32_t) {}
  void require(bool, const char*) {}

 private:
  void line(const char* suffix, const std::string& value) { out += fmt::format("{} = {}\n", suffix, value); }
};

// Conditions between fields that a damaged or foreign file may break and later code relies on.
void check_relations(const Hyperparameters& hp, Reader& reader) {
  const ArchitectureFacts& f = hp.arch_facts();
  const auto require = [&](bool condition, const std::string& what) {
    if (!condition) reader.problem(what);
  };
  require(hp.n_mtp < hp.n_blocks, "nextn_predict_layers leaves no trunk block");
  require(hp.n_kv_heads > 0 && hp.n_heads % hp.n_kv_heads == 0,
          fmt::format("attention.head_count {} is not a multiple of head_count_kv {}", hp.n_heads,
                      hp.n_kv_heads));
  require(hp.head_dim >= 8 && hp.head_dim % 8 == 0,
          fmt::format("attention.key_length {} is not a multiple of 8", hp.head_dim));
  require(hp.n_rot >= 2 && hp.n_rot % 2 == 0 && hp.n_rot <= hp.head_dim,
          fmt::format("rope.dimension_count {} does not fit head size {}", hp.n_rot, hp.head_dim));
  require(hp.rope_scaling == "none" || hp.rope_scaling == "linear" || hp.rope_scaling == "yarn",
          fmt::format("rope.scaling.type \"{}\" is not supported (none, linear, yarn are)",
                      printable(hp.rope_scaling, 64)));
  if (f.moe) {
    require(
        hp.n_experts_used <= hp.n_experts,
        fmt::format("expert_used_count {} is more than expert_count {}", hp.n_experts_used, hp.n_experts));
    require(hp.n_ff_expert > 0, "the key expert_feed_forward_length is missing");
    require(!f.shared_expert || hp.n_ff_shared > 0, "the key expert_shared_feed_forward_length is missing");
  } else {
    require(hp.n_ff > 0, "feed_forward_length is 0");
  }
  if (f.delta_net) {
    require(hp.n_k_heads > 0 && hp.n_v_heads % hp.n_k_heads == 0,
            fmt::format("ssm.time_step_rank {} is not a multiple of ssm.group_count {}", hp.n_v_heads,
                        hp.n_k_heads));
    require(hp.delta_head_dim % 8 == 0,
            fmt::format("ssm.state_size {} is not a multiple of 8", hp.delta_head_dim));
    require(uint64_t{hp.delta_head_dim} * hp.n_v_heads <= (1u << 24) &&
                uint64_t{hp.delta_head_dim} * hp.n_k_heads <= (1u << 24),
            "the ssm.* sizes are beyond reason");
  }
  require(uint64_t{hp.n_heads} * hp.head_dim <= (1u << 24), "the attention sizes are beyond reason");
}

// A factor without a type means linear scaling, and older files have it under another key.
void adopt_untyped_rope_scaling(const GgufFile& file, Hyperparameters& hp, Reader& reader) {
  const std::string prefix = std::string(hp.arch_facts().name) + ".rope.";
  if (file.find(prefix + "scaling.type") != nullptr) return;
  const bool old_key = file.find(prefix + "scale_linear") != nullptr;
  if (!old_key && file.find(prefix + "scaling.factor") == nullptr) return;
  hp.rope_scaling = "linear";
  if (old_key)
    reader.number("rope.scale_linear", hp.rope_factor, false, kLowestRopeFactor, kHighestRopeFactor);
}

// Fine-tunes are often exported without the MTP block that their keys count, or with its attention and
// feed-forward only. The trunk of such a file is whole.
void leave_out_absent_mtp(const GgufFile& file, Hyperparameters& hp) {
  if (hp.n_mtp == 0 || file.find_tensor("blk.0.attn_norm.weight") == nullptr) return;
  bool own = false, others = false;
  for (const GgufTensor& t : file.tensors()) {
    const int64_t block = block_of(t.name);
    if (block < int64_t{hp.n_trunk()} || block >= int64_t{hp.n_blocks}) continue;
    (t.name.find(".nextn.") != std::string::npos ? own : others) = true;
  }
  if (own && others) return;
  // A block like those of the trunk, where the trunk would have its last one: it may be that the count is
  // wrong and not the block too much, and leaving it out would give another model. The loader names what it
  // lacks.
  if (others && hp.n_trunk() % hp.full_attention_interval != 0) return;
  hp.n_mtp_absent = hp.n_mtp;
  hp.n_blocks -= hp.n_mtp;
  hp.n_mtp = 0;
}

Result<void> read_layer_pattern(const GgufFile& file, Hyperparameters& hp, Reader& reader) {
  if (!hp.arch_facts().delta_net) return {};
  const std::string key = fmt::format("{}.attention.recurrent_layers", hp.arch_facts().name);
  if (file.find(key) == nullptr) {
    for (uint32_t i = 0; i < hp.n_blocks; ++i)
      hp.recurrent.push_back(i < hp.n_trunk() && (i + 1) % hp.full_attention_interval != 0);
    return {};
  }
  auto flags = GANNET_TRY(file.get_bool_array(key));
  if (flags->size() < hp.n_trunk()) {
    reader.problem(fmt::format("{} has {} entries for {} blocks", key, flags->size(), hp.n_trunk()));
    return {};
  }
  for (uint32_t i = 0; i < hp.n_blocks; ++i) hp.recurrent.push_back(i < hp.n_trunk() && (*flags)[i]);
  return {};
}

}  // namespace

std::string vocabulary_problem(const GgufFile& file) {
  const GgufValue* tokens = file.find("tokenizer.ggml.tokens");
  if (tokens == nullptr || !tokens->is_array()) return "";
  for (const char* name : {"token_embd.weight", "output.weight"}) {
    const GgufTensor* matrix = file.find_tensor(name);
    if (matrix == nullptr || matrix->shape.rank != 2) continue;
    const auto rows = static_cast<uint64_t>(matrix->shape.dim[0]);
    if (tokens->count > rows)
      return fmt::format("the vocabulary has {} tokens, but {} only {} rows: they belong to different models",
                         tokens->count, name, rows);
  }
  return "";
}

Result<Hyperparameters> read_hyperparameters(const GgufFile& file) {
  const auto error = [&](const std::string& what) {
    return Error(ErrorCode::kModelFile, fmt::format("{}: {}", file.path(), what));
  };
  const auto arch = GANNET_TRY(file.get_string("general.architecture"));
  if (!arch) return error("the key general.architecture is missing; this is no model file");
  Hyperparameters hp;
  const ArchitectureFacts* found = nullptr;
  for (const ArchitectureFacts& f : architectures())
    if (*arch == f.name) found = &f;
  if (found == nullptr)
    return error(fmt::format("architecture \"{}\" is not supported; gannet runs {}", printable(*arch, 64),
                             architecture_names()));
  hp.arch = found->arch;
  if (auto name = file.get_string("general.name"); name.ok() && name->has_value())
    hp.name = std::string(**name);

  Reader reader(file, hp);
  adopt_untyped_rope_scaling(file, hp, reader);
  visit_fields(hp, reader);
  if (reader.problems().empty()) check_relations(hp, reader);
  if (reader.problems().empty()) leave_out_absent_mtp(file, hp);
  if (reader.problems().empty()) GANNET_TRY(read_layer_pattern(file, hp, reader));
  if (const GgufTensor* embedding = file.find_tensor("token_embd.weight")) {
    if (embedding->shape.rank == 2 && embedding->shape.dim[0] <= (1 << 24))
      hp.n_vocab = static_cast<uint32_t>(embedding->shape.dim[0]);
    else
      reader.problem("token_embd.weight is not a matrix of at most 2^24 rows");
  } else {
    reader.problem("the tensor token_embd.weight is missing; this is no complete model");
  }
  if (std::string text = vocabulary_problem(file); !text.empty()) reader.problem(std::move(text));
  if (!reader.problems().empty()) return error(fmt::format("{}", fmt::join(reader.problems(), "; ")));
  return hp;
}

void write_hyperparameters(const Hyperparameters& hp, GgufBuilder& builder) {
  builder.set_string("general.architecture", hp.arch_facts().name);
  if (!hp.name.empty()) builder.set_string("general.name", hp.name);
  Hyperparameters copy = hp;
  Writer writer(builder, hp.arch_facts().name);
  visit_fields(copy, writer);
}

std::string print_hyperparameters(const Hyperparameters& hp) {
  Hyperparameters copy = hp;
  Printer printer;
  visit_fields(copy, printer);
  return printer.out;
}

}  // namespace gannet
