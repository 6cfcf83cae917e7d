#include "cli/line_editor.h"

#include <histedit.h>
#include <langinfo.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <utility>

#include <fmt/format.h>

#include "cli/say.h"
#include "text/utf8.h"

namespace gannet {
namespace {

// Pasted text above this is shown as one word.
constexpr size_t kShownBytes = 1000;
constexpr std::ptrdiff_t kShownLines = 8;
// This many bytes at once are not typed by hand.
constexpr size_t kBurstBytes = 64;
constexpr int kBurstPause = 30;  // ms

constexpr char kEscape = 0x1b;
constexpr wchar_t kPasteKey[] = L"\x1b[200~";
constexpr std::string_view kPasteEnd = "\x1b[201~";

bool is_plain(char byte) {
  return (static_cast<unsigned char>(byte) >= 0x20 && byte != 0x7f) || byte == '\t';
}

std::wstring widened(std::string_view text) {
  static_assert(sizeof(wchar_t) == 4);
  std::wstring wide;
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    const auto code = step.kind == Utf8Kind::kValid ? decode_utf8(text, step.length) : U'\uFFFD';
    if (code != 0) wide += static_cast<wchar_t>(code);
    text.remove_prefix(step.length);
  }
  return wide;
}

// Terminals send the line ends of pasted text as carriage returns.
void unify_line_ends(std::string& text) {
  size_t to = 0;
  for (size_t from = 0; from < text.size(); ++from) {
    const bool pair = text[from] == '\r' && from + 1 < text.size() && text[from + 1] == '\n';
    if (!pair) text[to++] = text[from] == '\r' ? '\n' : text[from];
  }
  text.resize(to);
}

bool use_utf8() {
  const auto is_utf8 = [] { return std::string_view(nl_langinfo(CODESET)) == "UTF-8"; };
  std::setlocale(LC_CTYPE, "");
  return is_utf8() || (std::setlocale(LC_CTYPE, "C.UTF-8") != nullptr && is_utf8());
}

// How much of the line is the word of a paste: "[pasted text 1, 12 lines]". Keys that change it from the
// inside do not change what was pasted.
size_t length_of_word(std::wstring_view line, std::wstring_view word) {
  const auto same = static_cast<size_t>(std::ranges::mismatch(line, word).in1 - line.begin());
  if (same == word.size()) return same;
  if (same <= word.find(L',')) return 0;
  const size_t end = line.find(L']', same);
  return end < word.size() ? end + 1 : same;
}

}  // namespace

struct LineEditor::Calls {
  static LineEditor& self(EditLine* editor) {
    void* data = nullptr;
    el_wget(editor, EL_CLIENTDATA, &data);
    return *static_cast<LineEditor*>(data);
  }
  static int next_character(EditLine* editor, wchar_t* character) {
    return self(editor).next_character(character);
  }
  static wchar_t* prompt(EditLine* editor) { return self(editor).prompt_.data(); }

  static unsigned char paste(EditLine* editor, wint_t) {
    LineEditor& e = self(editor);
    std::string text = std::exchange(e.burst_, {});
    if (text.empty() && !e.read_paste(text)) return CC_EOF;
    if (const std::wstring shown = e.folded(text); !shown.empty()) el_winsertstr(editor, shown.c_str());
    return CC_REFRESH;
  }
  static unsigned char erase(EditLine* editor, wint_t) {
    const LineInfoW* line = el_wline(editor);
    const std::wstring_view before(line->buffer, static_cast<size_t>(line->cursor - line->buffer));
    if (before.empty()) return CC_ERROR;
    el_wdeletestr(editor, static_cast<int>(self(editor).length_to_erase(before)));
    return CC_REFRESH;
  }
};

LineEditor::LineEditor(ChatHistory history) : terminal_(/*paste_marks=*/true), history_(std::move(history)) {}

std::unique_ptr<LineEditor> LineEditor::create(ChatHistory history) {
  if (!use_utf8()) return nullptr;
  std::unique_ptr<LineEditor> editor(new LineEditor(std::move(history)));
  return editor->start() ? std::move(editor) : nullptr;
}

bool LineEditor::start() {
  // A file of its own, so that libedit writes more than a character at a time.
  screen_ = fdopen(dup(STDERR_FILENO), "w");
  nowhere_ = std::fopen("/dev/null", "w");
  if (screen_ == nullptr || nowhere_ == nullptr) return false;
  editor_ = el_init_fd("gannet", stdin, screen_, nowhere_, STDIN_FILENO, fileno(screen_), fileno(nowhere_));
  list_ = history_winit();
  if (editor_ == nullptr || list_ == nullptr) return false;
  HistEventW event;
  history_w(list_, &event, H_SETSIZE, 1000);
  history_w(list_, &event, H_SETUNIQUE, 1);
  for (const std::string& message : history_.load()) list(folded(message));

  el_wset(editor_, EL_CLIENTDATA, static_cast<void*>(this));
  el_wset(editor_, EL_SIGNAL, 0);  // ChatTerminal has them
  el_wset(editor_, EL_GETCFN, &Calls::next_character);
  el_wset(editor_, EL_PROMPT, &Calls::prompt);
  el_wset(editor_, EL_HIST, history_w, list_);
  el_wset(editor_, EL_EDITOR, L"emacs");
  // While reading, keys that would be signals are keys, and bytes stay as they are; between two lines input
  // is neither shown nor collected into lines by the system, which would cut them at 4095 bytes.
  el_wset(editor_, EL_SETTY, L"-d", L"-isig", L"-ixon", L"-icrnl", L"-inlcr", L"-igncr", nullptr);
  el_wset(editor_, EL_SETTY, L"-x", L"-icanon", L"-echo", nullptr);
  bind_keys();
  return true;
}

void LineEditor::bind_keys() {
  el_wset(editor_, EL_ADDFN, L"gannet-paste", L"insert pasted text", &Calls::paste);
  el_wset(editor_, EL_ADDFN, L"gannet-erase", L"erase a character or a paste", &Calls::erase);
  constexpr std::pair<const wchar_t*, const wchar_t*> keys[] = {{L"\\e[200~", L"gannet-paste"},
                                                                {L"^?", L"gannet-erase"},
                                                                {L"^H", L"gannet-erase"},
                                                                {L"^I", L"ed-insert"},
                                                                {L"^R", L"em-inc-search-prev"},
                                                                {L"^S", L"em-inc-search-next"},
                                                                {L"\\e[3~", L"ed-delete-next-char"},
                                                                {L"\\e[1~", L"ed-move-to-beg"},
                                                                {L"\\e[4~", L"ed-move-to-end"},
                                                                {L"\\e[H", L"ed-move-to-beg"},
                                                                {L"\\e[F", L"ed-move-to-end"},
                                                                {L"\\e[1;5C", L"em-next-word"},
                                                                {L"\\e[1;5D", L"ed-prev-word"}};
  for (const auto& [key, function] : keys) el_wset(editor_, EL_BIND, key, function, nullptr);
}

LineEditor::~LineEditor() {
  if (editor_ != nullptr) el_end(editor_);
  if (list_ != nullptr) history_wend(list_);
  for (FILE* file : {screen_, nowhere_})
    if (file != nullptr) std::fclose(file);
}

Input LineEditor::read(const std::string& prompt, std::string& line) {
  line.clear();
  prompt_ = widened(prompt);
  outcome_ = Input::kEnd;  // unless a line comes or next_character() says otherwise
  in_sequence_ = false;
  int length = 0;
  const wchar_t* text = el_wgets(editor_, &length);
  if (text != nullptr && length > 0) {
    std::wstring_view typed(text, static_cast<size_t>(length));
    if (typed.ends_with(L'\n')) typed.remove_suffix(1);
    line = unfolded(typed);
    outcome_ = Input::kLine;
  }
  reading_ = false;
  terminal_.end_reading();
  queued_.clear();
  burst_.clear();
  if (outcome_ == Input::kLine) return outcome_;
  const bool key = outcome_ == Input::kInterrupt || outcome_ == Input::kCleared;
  std::fputs(key ? "^C\n" : "\n", screen_);
  std::fflush(screen_);
  return outcome_;
}

void LineEditor::remember(const std::string& message) {
  list(folded_message(message));
  used_.clear();
  const Result<void> kept = history_.add(message);
  if (kept.ok() || std::exchange(history_failed_, true)) return;
  say("the history is not kept: {}", kept.error().message());
}

void LineEditor::list(const std::wstring& line) {
  HistEventW event;
  if (!line.empty()) history_w(list_, &event, H_ENTER, line.c_str());
}

// What comes from the terminal.

int LineEditor::next_character(wchar_t* character) {
  if (!std::exchange(reading_, true)) terminal_.begin_reading();
  while (queued_.empty()) {
    char byte = 0;
    switch (terminal_.next(byte)) {
      case ChatTerminal::Event::kInterrupt:
        outcome_ = anything_typed() ? Input::kCleared : Input::kInterrupt;
        return 0;
      case ChatTerminal::Event::kEnd:
        return 0;
      case ChatTerminal::Event::kResized:
        el_resize(editor_);
        redraw();
        continue;
      case ChatTerminal::Event::kContinued:
        redraw();
        continue;
      case ChatTerminal::Event::kByte:
        break;
    }
    const bool second_half = std::exchange(after_return_, byte == '\r') && byte == '\n';
    if (terminal_.is_key(byte, VINTR)) {
      outcome_ = anything_typed() ? Input::kCleared : Input::kInterrupt;
      return 0;
    }
    if (second_half || terminal_.stop_key(byte)) continue;
    if (collect_burst(byte))
      queued_ = kPasteKey;
    else
      queued_ = rest_of_character(byte);
  }
  *character = queued_.front();
  queued_.erase(0, 1);
  // Keys are ESC and a letter, ESC O and a letter, or ESC [ and numbers up to a letter or ~.
  const bool first = *character == L'[' || *character == L'O' || !(*character >= L'@' && *character <= L'~');
  in_sequence_ = *character == kEscape || (in_sequence_ && first);
  return 1;
}

wchar_t LineEditor::rest_of_character(char first) {
  std::string bytes(1, first);
  Utf8Step step = utf8_step(bytes);
  while (step.kind == Utf8Kind::kIncomplete) {
    if (terminal_.arrived().empty() && !terminal_.more_within(1000)) break;
    step = utf8_step(bytes + terminal_.arrived()[0]);
    if (step.kind == Utf8Kind::kInvalid) break;
    bytes += terminal_.arrived()[0];
    terminal_.skip(1);
  }
  return step.kind == Utf8Kind::kValid ? static_cast<wchar_t>(decode_utf8(bytes, step.length)) : L'\uFFFD';
}

// Text that arrives at once without marks (old terminals, programs) would be shown character by character.
bool LineEditor::collect_burst(char first) {
  const auto run = [&] {
    const std::string_view arrived = terminal_.arrived();
    return static_cast<size_t>(std::find_if_not(arrived.begin(), arrived.end(), is_plain) - arrived.begin());
  };
  if (in_sequence_ || !is_plain(first) || run() < kBurstBytes) return false;
  burst_ = first;
  while (true) {
    const size_t n = run();
    const bool ended = n < terminal_.arrived().size();
    burst_ += terminal_.arrived().substr(0, n);
    terminal_.skip(n);
    if (ended || !terminal_.more_within(kBurstPause)) return true;
  }
}

bool LineEditor::read_paste(std::string& text) {
  while (!text.ends_with(kPasteEnd)) {
    char byte = 0;
    const ChatTerminal::Event event = terminal_.next(byte);
    if (event == ChatTerminal::Event::kByte) text += byte;
    if (event == ChatTerminal::Event::kInterrupt) outcome_ = Input::kCleared;
    if (event == ChatTerminal::Event::kInterrupt || event == ChatTerminal::Event::kEnd) return false;
  }
  text.resize(text.size() - kPasteEnd.size());
  unify_line_ends(text);
  return true;
}

void LineEditor::redraw() {
  std::fputc('\r', screen_);
  el_wset(editor_, EL_REFRESH);
}

bool LineEditor::anything_typed() const {
  const LineInfoW* line = el_wline(editor_);
  return line->lastchar > line->buffer;
}

// Long text as one word.

std::wstring LineEditor::folded(std::string_view text) {
  const auto line_ends = std::count(text.begin(), text.end(), '\n');
  std::wstring wide = widened(text);
  if (text.size() <= kShownBytes && line_ends < kShownLines) return wide;
  const bool open = !text.ends_with('\n');
  const std::string size =
      line_ends == 0 ? fmt::format("{} characters", wide.size()) : fmt::format("{} lines", line_ends + open);
  pastes_.push_back(
      {widened(fmt::format("[pasted text {}, {}]", pastes_.size() + 1, size)), std::string(text)});
  return pastes_.back().word;
}

// A message as it looked when it was typed.
std::wstring LineEditor::folded_message(std::string_view message) {
  std::wstring line;
  for (const size_t i : used_) {
    const size_t at = message.find(pastes_[i].text);
    if (at == std::string_view::npos) continue;
    line += widened(message.substr(0, at)) + pastes_[i].word;
    message.remove_prefix(at + pastes_[i].text.size());
  }
  return line + folded(message);
}

std::string LineEditor::unfolded(std::wstring_view line) {
  std::string text;
  while (!line.empty()) {
    if (line.front() == L'[') {
      const auto paste = std::find_if(pastes_.begin(), pastes_.end(),
                                      [&](const Paste& p) { return length_of_word(line, p.word) > 0; });
      if (paste != pastes_.end()) {
        text += paste->text;
        used_.push_back(static_cast<size_t>(paste - pastes_.begin()));
        line.remove_prefix(length_of_word(line, paste->word));
        continue;
      }
    }
    append_utf8(static_cast<char32_t>(line.front()), &text);
    line.remove_prefix(1);
  }
  return text;
}

size_t LineEditor::length_to_erase(std::wstring_view before) const {
  for (const Paste& paste : pastes_)
    if (before.ends_with(paste.word)) return paste.word.size();
  return 1;
}

}  // namespace gannet
