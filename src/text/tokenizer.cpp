#include "text/tokenizer.h"

#include <fmt/core.h>

#include <algorithm>
#include <mutex>

#include "text/merge_table.h"
#include "text/nfc.h"
#include "text/pre_tokenizer.h"
#include "text/special_matcher.h"
#include "text/word_cache.h"
#include "text/word_merger.h"

namespace gannet {
namespace {

// What one encode() needs beside the immutable tables.
struct Scratch {
  explicit Scratch(const PreTokenizer& pre) : splitter(pre) {}
  Splitter splitter;
  WordMerger merger;
  WordCache cache;
  std::vector<Fragment> fragments;
  std::string normalised;
};

Error too_long(size_t size) {
  return {ErrorCode::kRuntime,
          fmt::format("a text of {} bytes is too long to encode at once, the limit is {}", size,
                      WordMerger::kMaxWord)};
}

SpecialMatcher make_matcher(const Vocabulary& vocabulary, bool with_control) {
  std::vector<SpecialText> texts;
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    const TokenType type = vocabulary.type(id);
    const bool control = type == TokenType::kControl || type == TokenType::kUnknown;
    if (type == TokenType::kUserDefined || (with_control && control))
      texts.push_back({vocabulary.piece(id), id});
  }
  return SpecialMatcher(std::move(texts));
}

}  // namespace

// Not movable: the matchers and the scratch point into the vocabulary and the pre-tokenizer.
struct Tokenizer::Impl {
  Impl(Vocabulary v, MergeTable m, PreTokenizer p)
      : vocabulary(std::move(v)),
        merges(std::move(m)),
        pre(std::move(p)),
        user_texts(make_matcher(vocabulary, false)),
        all_texts(make_matcher(vocabulary, true)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> encode_raw(std::string_view text, Scratch* scratch, std::vector<TokenId>* out) const;
  Result<std::vector<TokenId>> encode(std::string_view text, bool parse_special,
                                      std::span<const TextRange> foreign, bool add_special);
  void take_back(std::string_view text, std::span<const TextRange> foreign,
                 std::vector<Fragment>* fragments) const;

  // Scratch objects are lent to calls and come back with their caches warm; there are never more than
  // concurrent calls.
  std::unique_ptr<Scratch> borrow() {
    const std::lock_guard lock(mutex);
    if (idle.empty()) return std::make_unique<Scratch>(pre);
    auto scratch = std::move(idle.back());
    idle.pop_back();
    return scratch;
  }
  void give_back(std::unique_ptr<Scratch> scratch) {
    scratch->merger.shrink();
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(scratch));
  }

  Vocabulary vocabulary;
  MergeTable merges;
  PreTokenizer pre;
  SpecialMatcher user_texts;
  SpecialMatcher all_texts;
  std::mutex mutex;
  std::vector<std::unique_ptr<Scratch>> idle;  // guarded by mutex
};

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::build(const VocabularySource& source) {
  TextIndex index;
  auto pre = GANNET_TRY(PreTokenizer::create(source.pre));
  auto vocabulary = GANNET_TRY(Vocabulary::build(source, &index));
  auto merges = GANNET_TRY(MergeTable::build(source.merges, index, vocabulary));
  return Tokenizer(std::make_unique<Impl>(std::move(vocabulary), std::move(merges), std::move(pre)));
}

const Vocabulary& Tokenizer::vocabulary() const {
  return impl_->vocabulary;
}

Result<void> Tokenizer::Impl::encode_raw(std::string_view text, Scratch* scratch,
                                         std::vector<TokenId>* out) const {
  if (pre.nfc()) text = to_nfc(text, &scratch->normalised);
  if (text.size() > WordMerger::kMaxWord) return too_long(text.size());
  scratch->splitter.start(text);
  std::string_view word;
  while (GANNET_TRY(scratch->splitter.next(&word))) {
    if (scratch->cache.append(word, out)) continue;
    const size_t before = out->size();
    GANNET_TRY(scratch->merger.merge(word, merges, out));
    scratch->cache.insert(word, out->data() + before, out->size() - before);
  }
  return {};
}

// Control tokens that reach into foreign text are text. It is searched again with what is raw beside it, for
// user-defined tokens.
void Tokenizer::Impl::take_back(std::string_view text, std::span<const TextRange> foreign,
                                std::vector<Fragment>* fragments) const {
  const auto begin_of = [&](std::string_view part) { return static_cast<size_t>(part.data() - text.data()); };
  const auto is_wrong = [&](const Fragment& f) {
    if (f.token < 0 || vocabulary.type(f.token) == TokenType::kUserDefined) return false;
    const size_t begin = begin_of(f.text);
    const auto range = std::ranges::upper_bound(foreign, begin, {}, &TextRange::end);
    return range != foreign.end() && range->begin < begin + f.text.size();
  };
  if (std::ranges::none_of(*fragments, is_wrong)) return;
  std::vector<Fragment> all, again;
  for (size_t i = 0; i < fragments->size();) {
    size_t end = i;
    bool wrong = false;
    for (; end < fragments->size(); ++end) {
      const bool is = is_wrong((*fragments)[end]);
      if (!is && (*fragments)[end].token >= 0) break;
      wrong = wrong || is;
    }
    if (wrong) {
      const size_t first = begin_of((*fragments)[i].text);
      const std::string_view last = (*fragments)[end - 1].text;
      user_texts.split(text.substr(first, begin_of(last) + last.size() - first), &again);
      all.insert(all.end(), again.begin(), again.end());
    } else {
      end = std::max(end, i + 1);
      all.insert(all.end(), fragments->begin() + static_cast<std::ptrdiff_t>(i),
                 fragments->begin() + static_cast<std::ptrdiff_t>(end));
    }
    i = end;
  }
  *fragments = std::move(all);
}

Result<std::vector<TokenId>> Tokenizer::Impl::encode(std::string_view text, bool parse_special,
                                                     std::span<const TextRange> foreign, bool add_special) {
  if (text.size() > WordMerger::kMaxWord) return too_long(text.size());
  std::vector<TokenId> out;
  if (add_special && vocabulary.add_bos()) out.push_back(*vocabulary.special(SpecialToken::kBos));
  auto scratch = borrow();
  (parse_special ? all_texts : user_texts).split(text, &scratch->fragments);
  if (!foreign.empty()) take_back(text, foreign, &scratch->fragments);
  for (const Fragment& fragment : scratch->fragments) {
    if (fragment.token >= 0) {
      out.push_back(fragment.token);
    } else {
      GANNET_TRY(encode_raw(fragment.text, scratch.get(), &out));
    }
  }
  give_back(std::move(scratch));
  if (add_special && vocabulary.add_eos()) out.push_back(*vocabulary.special(SpecialToken::kEos));
  return out;
}

Result<std::vector<TokenId>> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  return impl_->encode(text, options.parse_special, {}, options.add_special);
}

Result<std::vector<TokenId>> Tokenizer::encode(const MarkedText& text, bool add_special) const {
  return impl_->encode(text.text, true, text.foreign, add_special);
}

std::string_view Tokenizer::output_piece(TokenId id, bool show_special) const {
  const Vocabulary& vocabulary = impl_->vocabulary;
  GANNET_CHECK(vocabulary.contains(id));
  switch (vocabulary.type(id)) {
    case TokenType::kNormal:
    case TokenType::kUserDefined:
    case TokenType::kByte:
      return vocabulary.piece(id);
    case TokenType::kControl:
    case TokenType::kUnknown:
      return show_special ? vocabulary.piece(id) : std::string_view();
    case TokenType::kUnused:
      break;
  }
  return {};
}

Result<std::string> Tokenizer::decode(std::span<const TokenId> ids, const DecodeOptions& options) const {
  std::string out;
  for (const TokenId id : ids) {
    if (!impl_->vocabulary.contains(id)) {
      return Error(ErrorCode::kRuntime, fmt::format("token id {} is not in the vocabulary of {} tokens", id,
                                                    impl_->vocabulary.size()));
    }
    const std::string_view piece = output_piece(id, options.show_special);
    if (piece.size() > options.max_bytes - out.size()) {
      return Error(ErrorCode::kRuntime,
                   fmt::format("the decoded text is longer than {} bytes", options.max_bytes));
    }
    out += piece;
  }
  return out;
}

}  // namespace gannet
