#include "text/pre_tokenizer.h"

#include <fmt/core.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>

#include "base/printable.h"
#include "text/utf8.h"

namespace gannet {
namespace {

// The White_Space property of Unicode, as class members.
#define GANNET_WS R"(\x09-\x0D\x20\x85\xA0\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})"
#define GANNET_CONTRACTION "'(?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])"

// WORD and OTHER are the class members of word characters and of everything that is not a symbol.
// Alternatives are tried in this order; possessive where giving back could not change the match, so no match
// backtracks more than once over what it has read.
#define GANNET_PATTERN(WORD)                       \
  GANNET_CONTRACTION                               \
  R"(|[^\r\n\p{L}\p{N}]?[)" WORD R"(]++)"          \
  R"(|\p{N})"                                      \
  R"(| ?[^)" GANNET_WS WORD R"(\p{N}]++[\r\n]*+)"  \
  R"(|[)" GANNET_WS R"(]*[\r\n]++)"                \
  R"(|[)" GANNET_WS R"(]+(?![^)" GANNET_WS R"(]))" \
  R"(|[)" GANNET_WS R"(]++)"

constexpr std::string_view kQwen2 = GANNET_PATTERN(R"(\p{L})");
constexpr std::string_view kQwen35 = GANNET_PATTERN(R"(\p{L}\p{M})");

// A match backtracks at most once over one run of white space, so a few steps per byte are far above any
// need; the limits turn a surprise in the library into an Error instead of a hang.
constexpr uint64_t kStepsPerByte = 4;
constexpr uint64_t kStepsAlways = 1000;
constexpr uint32_t kDepthLimit = 1000;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// `nfc`: the published tokenizer of the models that have this name normalises. Known of Qwen's own (Qwen2 to
// 3: the normalizer of their tokenizer.json; Qwen3.5: that of their tokenizer class); the others are models
// of third parties, whose normalizers are not known to us and taken to be none.
struct NamedPattern {
  std::string_view name;
  std::string_view pattern;
  bool nfc;
};
constexpr NamedPattern kPatterns[] = {
    {"qwen2", kQwen2, true},  {"qwen35", kQwen35, true},  {"deepseek-r1-qwen", kQwen2, false},
    {"kormo", kQwen2, false}, {"f2llmv2", kQwen2, false}, {"megrez", kQwen2, false},
};

std::string pcre_message(int code) {
  PCRE2_UCHAR buffer[160];
  pcre2_get_error_message(code, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

}  // namespace

void PreTokenizer::CodeFree::operator()(pcre2_real_code_8* code) const {
  pcre2_code_free(code);
}
void Splitter::MatchFree::operator()(pcre2_real_match_data_8* data) const {
  pcre2_match_data_free(data);
}
void Splitter::MatchFree::operator()(pcre2_real_match_context_8* context) const {
  pcre2_match_context_free(context);
}

Result<PreTokenizer> PreTokenizer::create(std::string_view name) {
  for (const NamedPattern& known : kPatterns) {
    if (known.name != name) continue;
    int code = 0;
    PCRE2_SIZE where = 0;
    PreTokenizer pre;
    pre.code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(known.pattern.data()), known.pattern.size(),
                                  PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED, &code, &where, nullptr));
    if (!pre.code_) {
      return Error(ErrorCode::kRuntime,
                   fmt::format("PCRE2 refuses the {} pattern at {}: {}; is it built with "
                               "Unicode support?",
                               name, where, pcre_message(code)));
    }
    pre.nfc_ = known.nfc;
    pre.jit_ = pcre2_jit_compile(pre.code_.get(), PCRE2_JIT_COMPLETE) == 0;
    return pre;
  }
  std::string names;
  for (const NamedPattern& known : kPatterns)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", known.name);
  return Error(ErrorCode::kModelFile,
               fmt::format("unknown pre-tokenizer \"{}\" (tokenizer.ggml.pre); known: {}",
                           printable(name, 64), names));
}

Splitter::Splitter(const PreTokenizer& pre)
    : pre_(&pre), match_(pcre2_match_data_create(1, nullptr)), context_(pcre2_match_context_create(nullptr)) {
  GANNET_CHECK(match_ && context_, "out of memory for PCRE2 match data");
  pcre2_set_depth_limit(context_.get(), kDepthLimit);
}

void Splitter::start(std::string_view text) {
  text_ = text;
  position_ = text_position_ = next_hole_ = 0;
  repaired_.clear();
  holes_.clear();
  size_t valid = utf8_valid_prefix(text);
  if (valid == text.size()) {
    subject_ = text_;
    limit_steps();
    return;
  }
  while (true) {
    repaired_.append(text.substr(0, valid));
    text.remove_prefix(valid);
    if (text.empty()) break;
    holes_.push_back(repaired_.size());
    repaired_.append(kReplacement);
    text.remove_prefix(1);
    valid = utf8_valid_prefix(text);
  }
  subject_ = repaired_;
  limit_steps();
}

void Splitter::limit_steps() {
  const uint64_t steps = kStepsAlways + kStepsPerByte * subject_.size();
  pcre2_set_match_limit(context_.get(), static_cast<uint32_t>(std::min<uint64_t>(steps, UINT32_MAX)));
}

Result<bool> Splitter::next(std::string_view* word) {
  if (position_ == subject_.size()) return false;
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(subject_.data());
  // The subject is known to be well-formed, so PCRE2 need not check it at each word.
  const int rc = pre_->jit_ ? pcre2_jit_match(pre_->code_.get(), subject, subject_.size(), position_,
                                              PCRE2_NO_UTF_CHECK, match_.get(), context_.get())
                            : pcre2_match(pre_->code_.get(), subject, subject_.size(), position_,
                                          PCRE2_NO_UTF_CHECK, match_.get(), context_.get());
  if (rc < 0) {
    return Error(ErrorCode::kRuntime,
                 fmt::format("splitting text failed at byte {}: {}", text_position_, pcre_message(rc)));
  }
  const size_t end = pcre2_get_ovector_pointer(match_.get())[1];
  GANNET_CHECK(end > position_, "the pre-tokenizer pattern matched nothing");
  size_t length = end - position_;
  while (next_hole_ < holes_.size() && holes_[next_hole_] < end) {
    length -= kReplacement.size() - 1;
    ++next_hole_;
  }
  *word = text_.substr(text_position_, length);
  text_position_ += length;
  position_ = end;
  return true;
}

}  // namespace gannet
