#include "engine/vocabulary_from_gguf.h"

#include <fmt/core.h>

#include <limits>
#include <vector>

namespace gannet {
namespace {

struct IdKey {
  SpecialToken which;
  std::string_view key;
};
// Where two keys give the same id, the first present wins: the second is the older spelling.
constexpr IdKey kIdKeys[] = {
    {SpecialToken::kBos, "tokenizer.ggml.bos_token_id"},
    {SpecialToken::kEos, "tokenizer.ggml.eos_token_id"},
    {SpecialToken::kEot, "tokenizer.ggml.eot_token_id"},
    {SpecialToken::kEom, "tokenizer.ggml.eom_token_id"},
    {SpecialToken::kUnknown, "tokenizer.ggml.unknown_token_id"},
    {SpecialToken::kPadding, "tokenizer.ggml.padding_token_id"},
    {SpecialToken::kSeparator, "tokenizer.ggml.seperator_token_id"},
    {SpecialToken::kMask, "tokenizer.ggml.mask_token_id"},
    {SpecialToken::kFimPre, "tokenizer.ggml.fim_pre_token_id"},
    {SpecialToken::kFimPre, "tokenizer.ggml.prefix_token_id"},
    {SpecialToken::kFimSuf, "tokenizer.ggml.fim_suf_token_id"},
    {SpecialToken::kFimSuf, "tokenizer.ggml.suffix_token_id"},
    {SpecialToken::kFimMid, "tokenizer.ggml.fim_mid_token_id"},
    {SpecialToken::kFimMid, "tokenizer.ggml.middle_token_id"},
    {SpecialToken::kFimPad, "tokenizer.ggml.fim_pad_token_id"},
    {SpecialToken::kFimRep, "tokenizer.ggml.fim_rep_token_id"},
    {SpecialToken::kFimSep, "tokenizer.ggml.fim_sep_token_id"},
};

// Without these an answer would begin or end in the wrong place.
bool is_needed(SpecialToken which) {
  return which == SpecialToken::kBos || which == SpecialToken::kEos || which == SpecialToken::kEot ||
         which == SpecialToken::kEom;
}

// What converters write for "none": -1, signed or not.
bool is_none(int64_t id) {
  return id == -1 || id == int64_t{UINT32_MAX};
}

bool is_ignored(const IdKey& id, int64_t value, size_t n_tokens) {
  return !is_needed(id.which) && !is_none(value) && (value < 0 || static_cast<uint64_t>(value) >= n_tokens);
}

Error missing(std::string_view key) {
  return Error(
      ErrorCode::kModelFile,
      fmt::format("the file has no {}, so text cannot be tokenized; use a complete model file", key));
}

Result<Tokenizer> read(const GgufFile& file) {
  const auto model = GANNET_TRY(file.get_string("tokenizer.ggml.model"));
  if (!model) return missing("tokenizer.ggml.model");
  if (*model != "gpt2") {
    return Error(ErrorCode::kModelFile,
                 fmt::format("tokenizer.ggml.model is {}; only \"gpt2\" (byte-level BPE) is "
                             "supported",
                             quoted(*model)));
  }
  const auto pre = GANNET_TRY(file.get_string("tokenizer.ggml.pre"));
  if (!pre) return missing("tokenizer.ggml.pre");
  const auto tokens = GANNET_TRY(file.get_string_array("tokenizer.ggml.tokens"));
  if (!tokens) return missing("tokenizer.ggml.tokens");
  const auto merges = GANNET_TRY(file.get_string_array("tokenizer.ggml.merges"));
  if (!merges) return missing("tokenizer.ggml.merges");

  const std::vector<std::string_view> token_texts = tokens->to_vector();
  const std::vector<std::string_view> merge_texts = merges->to_vector();
  std::vector<int32_t> types;
  if (const auto stored = GANNET_TRY(file.get_int_array("tokenizer.ggml.token_type"))) {
    types.reserve(stored->size());
    for (const int64_t type : *stored) {
      // What does not fit becomes a type that build() refuses by its own message.
      const bool fits = type >= 0 && type <= std::numeric_limits<int32_t>::max();
      types.push_back(fits ? static_cast<int32_t>(type) : -1);
    }
    if (types.empty()) {
      return Error(ErrorCode::kModelFile,
                   "tokenizer.ggml.token_type is empty; it must have one type per token");
    }
  }

  VocabularySource source;
  source.pre = *pre;
  source.tokens = token_texts;
  source.types = types;
  source.merges = merge_texts;
  for (const IdKey& id : kIdKeys) {
    const auto value = GANNET_TRY(file.get_int(id.key));
    auto& slot = source.special_id(id.which);
    if (value && !is_none(*value) && !slot && !is_ignored(id, *value, token_texts.size()))
      slot = static_cast<uint64_t>(*value);
  }
  source.add_bos = GANNET_TRY(file.get_bool("tokenizer.ggml.add_bos_token")).value_or(false);
  source.add_eos = GANNET_TRY(file.get_bool("tokenizer.ggml.add_eos_token")).value_or(false);
  return Tokenizer::build(source);
}

}  // namespace

std::vector<std::string> ignored_token_ids(const GgufFile& file) {
  std::vector<std::string> sentences;
  const GgufValue* tokens = file.find("tokenizer.ggml.tokens");
  if (tokens == nullptr || !tokens->is_array()) return sentences;
  for (const IdKey& id : kIdKeys) {
    const GgufValue* stored = file.find(id.key);
    const auto value = stored == nullptr ? std::nullopt : stored->as_int();
    if (value && is_ignored(id, *value, tokens->count))
      sentences.push_back(fmt::format("{} is {}, but the vocabulary has {} tokens; it is ignored", id.key,
                                      *value, tokens->count));
  }
  return sentences;
}

Result<Tokenizer> tokenizer_from_gguf(const GgufFile& file) {
  auto tokenizer = read(file);
  if (tokenizer.ok()) return tokenizer;
  Error error = tokenizer.take_error();
  return std::move(error).with_context(file.path());
}

}  // namespace gannet
