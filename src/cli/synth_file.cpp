#include "cli/synth_file.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "gguf/writer.h"
#include "model/random_weights.h"
#include "text/synthetic_vocabulary.h"

namespace gannet {
namespace {

constexpr uint32_t kQuantizationVersion = 2;  // of the block formats
constexpr int64_t kPieceBytes = 32 << 20;

// One message per turn between its markers, and the opening of the answer.
constexpr std::string_view kChatTemplate =
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor "
    "%}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

void add_vocabulary(const Hyperparameters& hp, GgufBuilder& builder) {
  const SyntheticVocabulary v = make_synthetic_vocabulary(hp.n_vocab);
  builder.set_string("tokenizer.ggml.model", "gpt2");
  builder.set_string("tokenizer.ggml.pre", hp.arch_facts().pre_tokenizer);
  builder.set_strings("tokenizer.ggml.tokens", v.tokens);
  builder.set_numbers<int32_t>("tokenizer.ggml.token_type", v.types);
  builder.set_strings("tokenizer.ggml.merges", v.merges);
  builder.set_u32("tokenizer.ggml.bos_token_id", static_cast<uint32_t>(v.end_of_text));
  builder.set_u32("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(v.im_end));
  builder.set_u32("tokenizer.ggml.padding_token_id", static_cast<uint32_t>(v.end_of_text));
  builder.set_bool("tokenizer.ggml.add_bos_token", false);
  builder.set_string("tokenizer.chat_template", kChatTemplate);
}

}  // namespace

Result<SynthReport> write_synthetic_model(const std::string& path, const ModelShape& shape, const Mix& mix,
                                          uint64_t seed, ThreadTeam& team,
                                          const std::function<bool(double)>& keep_going) {
  if (shape.hp.n_vocab < kSmallestSyntheticVocabulary)
    return Error(ErrorCode::kUsage,
                 fmt::format("a vocabulary of {} is too small, {} tokens are needed for the bytes and the "
                             "control tokens",
                             shape.hp.n_vocab, kSmallestSyntheticVocabulary));
  GgufBuilder builder;
  write_hyperparameters(shape.hp, builder);
  builder.set_string("general.description",
                     "Random weights in the shape of a published model; the output means nothing");
  builder.set_u32("general.file_type", mix.file_type);
  builder.set_u32("general.quantization_version", kQuantizationVersion);
  add_vocabulary(shape.hp, builder);

  const std::vector<TensorSpec> specs = published_tensors(shape);
  std::vector<MixTensor> tensors;
  for (const TensorSpec& spec : specs) tensors.push_back({spec.name, spec.shape, DType::kF32});
  const std::vector<DType> types = mix_types(mix, shape.hp, tensors);
  SynthReport report;
  for (size_t i = 0; i < specs.size(); ++i) {
    builder.add_tensor(specs[i].name, types[i], specs[i].shape);
    report.n_parameters += specs[i].shape.elements();
  }
  report.file_bytes = GANNET_TRY(builder.layout()).file_bytes;
  GgufWriter writer = GANNET_TRY(GgufWriter::create(path, builder));

  RandomWeights weights(seed, team);
  std::vector<std::byte> piece;
  uint64_t done = 0;
  for (size_t i = 0; i < specs.size(); ++i) {
    const int64_t bytes = row_bytes(types[i], specs[i].shape.last()), n_rows = specs[i].shape.rows();
    const int64_t rows_per_piece = std::max<int64_t>(1, kPieceBytes / bytes);
    for (int64_t row = 0; row < n_rows; row += rows_per_piece) {
      if (keep_going && !keep_going(static_cast<double>(done) / static_cast<double>(report.file_bytes)))
        return Error(ErrorCode::kInterrupted, fmt::format("{}: interrupted", path));
      piece.resize(static_cast<size_t>(std::min(rows_per_piece, n_rows - row) * bytes));
      weights.fill(specs[i], types[i], row, piece);
      GANNET_TRY(writer.write_part(specs[i].name, piece));
      done += piece.size();
    }
  }
  GANNET_TRY(writer.finish());
  return report;
}

}  // namespace gannet
