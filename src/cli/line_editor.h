// A line editor with history on the terminal (libedit): cursor keys, the keys of Emacs, Ctrl-R to search.
// Long pasted text is shown as one word in brackets ("[pasted text 1, 312 lines]") and stands in the message
// as a whole; Backspace behind the word takes it out.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/chat_history.h"
#include "cli/chat_terminal.h"
#include "cli/line_reader.h"

struct editline;
struct historyW;

namespace gannet {

class LineEditor : public LineReader {
 public:
  // The arrow keys show `history`, which gets new messages. Null when the terminal or the character set of
  // the process (UTF-8 is needed) does not allow it.
  static std::unique_ptr<LineEditor> create(ChatHistory history);
  ~LineEditor() override;

  Input read(const std::string& prompt, std::string& line) override;
  void remember(const std::string& message) override;

 private:
  struct Calls;  // what libedit calls
  struct Paste {
    std::wstring word;  // what the line shows
    std::string text;
  };

  explicit LineEditor(ChatHistory history);
  bool start();
  void bind_keys();

  int next_character(wchar_t* character);
  wchar_t rest_of_character(char first);
  bool collect_burst(char first);
  bool read_paste(std::string& text);
  void redraw();
  bool anything_typed() const;

  std::wstring folded(std::string_view text);
  std::wstring folded_message(std::string_view message);
  std::string unfolded(std::wstring_view line);
  size_t length_to_erase(std::wstring_view before) const;
  void list(const std::wstring& line);

  ChatTerminal terminal_;
  ChatHistory history_;
  bool history_failed_ = false;
  FILE* screen_ = nullptr;
  FILE* nowhere_ = nullptr;
  editline* editor_ = nullptr;
  historyW* list_ = nullptr;
  std::wstring prompt_;
  std::vector<Paste> pastes_;
  std::vector<size_t> used_;  // pastes in the lines since the last message
  std::wstring queued_;       // characters for libedit, in front of those from the terminal
  std::string burst_;         // text that came faster than a hand types, to be inserted at once
  bool reading_ = false;
  bool in_sequence_ = false;  // within the bytes of one key
  bool after_return_ = false;
  Input outcome_ = Input::kLine;
};

}  // namespace gannet
