#include "engine/speculation_prompts_for_test.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <sstream>
#include <string_view>

#include <fmt/core.h>

#include "base/check.h"
#include "base/philox.h"

namespace gannet {
namespace {

const std::string kFolder = "tests/data/speculation/";

std::string read_text(const std::string& path) {
  std::ifstream in(path);
  GANNET_CHECK(in.is_open(), path.c_str());  // run from the source directory
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

// Random numbers of one prompt.
class Dice {
 public:
  explicit Dice(uint64_t prompt) : prompt_(prompt) {}
  size_t below(size_t n) { return philox4x32(kKey, prompt_, count_++)[0] % n; }
  template <size_t N>
  std::string_view one_of(const std::array<std::string_view, N>& words) {
    return words[below(N)];
  }

 private:
  static constexpr uint64_t kKey = 16;
  uint64_t prompt_, count_ = 0;
};

// Where a prompt begins in a text: at some line of its first four fifths.
std::string_view from_some_line(std::string_view text, Dice& dice) {
  const size_t at = text.find('\n', dice.below(text.size() * 4 / 5));
  return text.substr(at + 1);
}

constexpr std::array<std::string_view, 12> kWords = {"tide",       "harbour", "mason",  "lamp",
                                                     "north pier", "garden",  "stone",  "keeper",
                                                     "wind",       "evening", "ledger", "bread"};
// Short, so that some come back within a prompt.
constexpr std::array<std::array<std::string_view, 4>, 3> kSentences = {
    std::array<std::string_view, 4>{"港口里有船。", "他走下楼。", "水涨了又落。", "请改一个字。"},
    {"港に船がある。", "潮は満ちる。", "道を歩く。", "名前を消して。"},
    {"항구에 배가 있다.", "물이 차오른다.", "길을 걷는다.", "이름을 지워라."}};

std::string json_text(Dice& dice, size_t least_bytes) {
  const bool lines = dice.below(2) == 0;  // one field a line, or one record a line
  const std::string_view gap = lines ? "\n    " : " ";
  std::string text = "[\n";
  for (size_t id = dice.below(90); text.size() < least_bytes; ++id) {
    text += fmt::format("  {{{}\"id\": {},{}\"name\": \"{}\",{}\"size\": {}.{},", gap, id, gap,
                        dice.one_of(kWords), gap, dice.below(40), dice.below(10), gap);
    text += fmt::format("{}\"tags\": [\"{}\", \"{}\"],{}\"open\": {}{}}},\n", gap, dice.one_of(kWords),
                        dice.one_of(kWords), gap, dice.below(2) == 0, lines ? "\n  " : " ");
  }
  return text;
}

std::string cjk_text(Dice& dice, size_t least_bytes) {
  const std::array<std::string_view, 4>& sentences = kSentences[dice.below(kSentences.size())];
  std::string text;
  while (text.size() < least_bytes) text += dice.one_of(sentences);
  return text;
}

// A phrase of a few words over and over, with another word here and there in every other prompt.
std::string repeated_text(Dice& dice, size_t least_bytes) {
  std::string phrase, text;
  for (size_t n = 1 + dice.below(16); n > 0; --n) phrase += fmt::format(" {}", dice.one_of(kWords));
  phrase += dice.below(2) == 0 ? "\n" : ",";
  const size_t another = dice.below(2) == 0 ? 0 : 3 + dice.below(4);
  for (size_t i = 1; text.size() < least_bytes; ++i) {
    text += phrase;
    if (another != 0 && i % another == 0) text += fmt::format(" {}", dice.one_of(kWords));
  }
  return text;
}

using Encode = std::function<std::vector<TokenId>(std::string_view)>;

std::vector<MadePrompt> make(const Encode& encode, int32_t n_vocab, size_t n, size_t most_tokens) {
  GANNET_CHECK(most_tokens >= 1 && n_vocab >= 1);
  const std::string held_out = read_text("models/heldout.txt"),
                    source = read_text(kFolder + "edit_before.py");
  const size_t bytes = most_tokens * 12;  // more than that many tokens stand for
  std::vector<MadePrompt> prompts;
  for (size_t i = 0; i < n; ++i) {
    Dice dice(i);
    const char* kind = "";
    std::vector<TokenId> ids;
    size_t n_tokens = most_tokens / 8 + dice.below(most_tokens - most_tokens / 8) + 1;
    switch (i % 6) {
      case 0:
        kind = "text";
        ids = encode(from_some_line(held_out, dice).substr(0, bytes));
        break;
      case 1:
        kind = "code";
        ids = encode(from_some_line(source, dice).substr(0, bytes));
        break;
      case 2:
        kind = "json";
        ids = encode(json_text(dice, bytes));
        break;
      case 3:
        kind = "repetition";
        ids = encode(repeated_text(dice, bytes));
        n_tokens = most_tokens;
        break;
      case 4:
        kind = "cjk";
        ids = encode(cjk_text(dice, bytes));
        break;
      default:
        kind = "random";
        n_tokens = 1 + dice.below(most_tokens);
        for (size_t k = 0; k < n_tokens; ++k)
          ids.push_back(static_cast<TokenId>(dice.below(static_cast<size_t>(n_vocab))));
    }
    ids.resize(std::min(ids.size(), n_tokens));
    prompts.push_back({fmt::format("{} {}", kind, i / 6), std::move(ids)});
  }
  return prompts;
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0xC0;
}

std::vector<TokenId> hashed_words(std::string_view text, int32_t n_vocab) {
  std::vector<TokenId> ids;
  for (size_t at = 0; at < text.size();) {
    size_t end = at + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
      ++end;  // the character
    if (static_cast<unsigned char>(text[at]) < 0x80 && (is_letter(text[at]) || text[at] == ' '))
      while (end < text.size() && is_letter(text[end]) && static_cast<unsigned char>(text[end]) < 0x80) ++end;
    uint32_t hash = 2166136261u;  // FNV-1a
    for (const char c : text.substr(at, end - at)) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    ids.push_back(static_cast<TokenId>(hash % static_cast<uint32_t>(n_vocab)));
    at = end;
  }
  return ids;
}

}  // namespace

std::vector<KeptPrompt> kept_prompts() {
  std::istringstream in(read_text(kFolder + "prompts.txt"));
  std::vector<KeptPrompt> prompts;
  bool first_line = true;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("=== ")) {
      std::istringstream words(line.substr(4));
      words >> prompts.emplace_back().kind >> prompts.back().name;
      first_line = true;
    } else if (!prompts.empty()) {  // what comes before the first prompt is about the file
      prompts.back().text += (first_line ? "" : "\n") + line;
      first_line = false;
    }
  }
  return prompts;
}

EditForTest edit_for_test() {
  return {
      fmt::format(
          "<|im_start|>user\nRewrite this file so that nobody pays more than 5.00 for one loan. Answer with "
          "the whole file and nothing else.\n\n{}<|im_end|>\n<|im_start|>assistant\n",
          read_text(kFolder + "edit_before.py")),
      read_text(kFolder + "edit_after.py")};
}

std::vector<MadePrompt> made_prompts(const Tokenizer& tokenizer, size_t n, size_t most_tokens) {
  const Encode encode = [&](std::string_view text) {
    return tokenizer.encode(text, {.parse_special = true}).take();
  };
  return make(encode, tokenizer.vocabulary().size(), n, most_tokens);
}

std::vector<MadePrompt> made_prompts(int32_t n_vocab, size_t n, size_t most_tokens) {
  return make([&](std::string_view text) { return hashed_words(text, n_vocab); }, n_vocab, n, most_tokens);
}

}  // namespace gannet
