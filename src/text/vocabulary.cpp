#include "text/vocabulary.h"

#include <fmt/core.h>

#include <algorithm>

#include "text/byte_alphabet.h"

namespace gannet {
namespace {

Error refuse(std::string message) {
  return Error(ErrorCode::kModelFile, std::move(message));
}

// "[PAD" digits "]": how converters fill holes; old files type it user-defined, which must not match in text.
bool is_padding_text(std::string_view text) {
  if (text.size() < 6 || text.substr(0, 4) != "[PAD" || text.back() != ']') return false;
  const std::string_view digits = text.substr(4, text.size() - 5);
  return std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// "<0xXX>" with exactly two hex digits.
std::optional<uint8_t> parse_byte_token(std::string_view text) {
  if (text.size() != 6 || text.substr(0, 3) != "<0x" || text[5] != '>') return std::nullopt;
  const int high = hex_digit(text[3]), low = hex_digit(text[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<uint8_t>(high * 16 + low);
}

constexpr std::string_view kSpecialNames[kSpecialTokens] = {
    "bos",  "eos",     "eot",     "eom",     "unknown", "padding", "seperator",
    "mask", "fim_pre", "fim_suf", "fim_mid", "fim_pad", "fim_rep", "fim_sep"};

// Texts that end a turn, best first: the first one present is the eot id when the file gives none.
constexpr std::string_view kEndTexts[] = {"<|eot_id|>",
                                          "<|im_end|>",
                                          "<|end|>",
                                          "<|return|>",
                                          "<|call|>",
                                          "<|flush|>",
                                          "<|calls|>",
                                          "<end_of_turn>",
                                          "<|endoftext|>",
                                          "</s>",
                                          "<|eom_id|>",
                                          "<EOT>",
                                          "_<EOT>",
                                          "[EOT]",
                                          "[EOS]",
                                          "<|end_of_text|>",
                                          "<end_of_utterance>",
                                          "<eos>",
                                          "<turn|>",
                                          "<|tool_response>",
                                          "<\uFF5Cend\u2581of\u2581sentence\uFF5C>",
                                          "[e~["};

struct TextOf {
  SpecialToken which;
  std::string_view text;
};
constexpr TextOf kTexts[] = {
    {SpecialToken::kEom, "<|eom_id|>"},        {SpecialToken::kFimPre, "<|fim_prefix|>"},
    {SpecialToken::kFimPre, "<fim_prefix>"},   {SpecialToken::kFimPre, "<fim-prefix>"},
    {SpecialToken::kFimSuf, "<|fim_suffix|>"}, {SpecialToken::kFimSuf, "<fim_suffix>"},
    {SpecialToken::kFimSuf, "<fim-suffix>"},   {SpecialToken::kFimMid, "<|fim_middle|>"},
    {SpecialToken::kFimMid, "<fim_middle>"},   {SpecialToken::kFimMid, "<fim-middle>"},
    {SpecialToken::kFimPad, "<|fim_pad|>"},    {SpecialToken::kFimPad, "<fim_pad>"},
    {SpecialToken::kFimPad, "<fim-pad>"},      {SpecialToken::kFimRep, "<|repo_name|>"},
    {SpecialToken::kFimRep, "<|fim_repo|>"},   {SpecialToken::kFimRep, "<reponame>"},
    {SpecialToken::kFimSep, "<|file_sep|>"},
};

bool is_marker_text(std::string_view text) {
  return text.substr(0, 2) == "<|" || text.substr(0, 4) == "<\uFF5C";
}

}  // namespace

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, 40)) {
    if (c >= 0x20 && c < 0x7F && c != '"' && c != '\\') {
      out += c;
    } else {
      out += fmt::format("\\x{:02X}", static_cast<uint8_t>(c));
    }
  }
  return out + (text.size() > 40 ? "...\"" : "\"");
}

Result<Vocabulary> Vocabulary::build(const VocabularySource& source, TextIndex* index) {
  if (source.tokens.empty()) return refuse("the vocabulary has no tokens (tokenizer.ggml.tokens)");
  if (source.tokens.size() > kMaxTokens) {
    return refuse(
        fmt::format("the vocabulary has {} tokens, the limit is {}", source.tokens.size(), kMaxTokens));
  }
  Vocabulary v;
  GANNET_TRY(v.read_types(source));
  GANNET_TRY(v.read_pieces(source));
  GANNET_TRY(index->build(source.tokens));
  GANNET_TRY(v.read_special_ids(source));
  v.find_special_texts(*index);
  return v;
}

Result<void> Vocabulary::read_types(const VocabularySource& source) {
  const size_t n = source.tokens.size();
  if (!source.types.empty() && source.types.size() != n) {
    return refuse(fmt::format("the vocabulary has {} tokens but {} token types", n, source.types.size()));
  }
  types_.assign(n, TokenType::kNormal);
  for (size_t i = 0; i < source.types.size(); ++i) {
    const int32_t type = source.types[i];
    if (type < 1 || type > 6) return refuse(fmt::format("token {} has the unknown type {}", i, type));
    types_[i] = static_cast<TokenType>(type);
  }
  return {};
}

Result<void> Vocabulary::read_pieces(const VocabularySource& source) {
  const size_t n = source.tokens.size();
  begins_.reserve(n + 1);
  begins_.push_back(0);
  bytes_.reserve(n * 8);
  for (size_t i = 0; i < n; ++i) {
    const std::string_view text = source.tokens[i];
    TokenType& type = types_[i];
    if (text.empty() || is_padding_text(text)) type = TokenType::kUnused;
    const bool literal =
        type == TokenType::kControl || type == TokenType::kUserDefined || type == TokenType::kUnknown;
    const size_t limit = literal ? kMaxSpecialText : kMaxTokenText;
    if (text.size() > limit) {
      return refuse(fmt::format("the text of token {} has {} bytes, the limit is {}", i, text.size(), limit));
    }
    if (type == TokenType::kByte) {
      const auto byte = parse_byte_token(text);
      if (!byte)
        return refuse(
            fmt::format("token {} is a byte token but its text is {}, not <0xXX>", i, quoted(text)));
      bytes_.push_back(static_cast<char>(*byte));
    } else if (type != TokenType::kNormal || !append_unmapped(text, &bytes_)) {
      bytes_.append(text);
    }
    if (bytes_.size() > UINT32_MAX) return refuse("the token texts together have more than 4 GiB");
    begins_.push_back(static_cast<uint32_t>(bytes_.size()));
  }
  return {};
}

Result<void> Vocabulary::read_special_ids(const VocabularySource& source) {
  for (size_t i = 0; i < kSpecialTokens; ++i) {
    const auto id = source.special[i];
    if (!id || *id == UINT32_MAX) continue;
    if (*id >= source.tokens.size()) {
      return refuse(fmt::format("tokenizer.ggml.{}_token_id is {}, but the vocabulary has {} tokens",
                                kSpecialNames[i], *id, source.tokens.size()));
    }
    special_[i] = static_cast<TokenId>(*id);
  }
  add_bos_ = source.add_bos;
  add_eos_ = source.add_eos;
  if (add_bos_ && !special(SpecialToken::kBos)) {
    return refuse("tokenizer.ggml.add_bos_token is set but there is no bos_token_id");
  }
  if (add_eos_ && !special(SpecialToken::kEos)) {
    return refuse("tokenizer.ggml.add_eos_token is set but there is no eos_token_id");
  }
  return {};
}

void Vocabulary::find_special_texts(const TextIndex& index) {
  const auto find = [&](std::string_view text) -> std::optional<TokenId> {
    const auto id = index.find(text);
    if (!id) return std::nullopt;
    TokenType& token_type = types_[static_cast<size_t>(*id)];
    if (token_type == TokenType::kControl) return id;
    const bool marker =
        is_marker_text(text) && token_type != TokenType::kUnused && token_type != TokenType::kByte;
    if (!marker && token_type != TokenType::kUserDefined) return std::nullopt;
    token_type = TokenType::kControl;
    return id;
  };
  const auto set_default = [&](SpecialToken which, std::optional<TokenId> id) {
    auto& slot = special_[static_cast<size_t>(which)];
    if (!slot) slot = id;
  };
  for (const std::string_view text : kEndTexts) {
    const auto id = find(text);
    if (!id) continue;
    set_default(SpecialToken::kEot, id);
    end_tokens_.push_back(*id);
  }
  for (const TextOf& known : kTexts) set_default(known.which, find(known.text));
  for (const SpecialToken which : {SpecialToken::kEos, SpecialToken::kEot, SpecialToken::kEom,
                                   SpecialToken::kFimPad, SpecialToken::kFimRep, SpecialToken::kFimSep}) {
    if (const auto id = special(which)) end_tokens_.push_back(*id);
  }
  std::sort(end_tokens_.begin(), end_tokens_.end());
  end_tokens_.erase(std::unique(end_tokens_.begin(), end_tokens_.end()), end_tokens_.end());
}

bool Vocabulary::is_mergeable(TokenId id) const {
  if (type(id) == TokenType::kNormal) return true;
  if (type(id) != TokenType::kUserDefined) return false;
  const std::string_view text = piece(id);
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x21 && c <= 0x7E; });
}

bool Vocabulary::is_end(TokenId id) const {
  return std::binary_search(end_tokens_.begin(), end_tokens_.end(), id);
}

}  // namespace gannet
