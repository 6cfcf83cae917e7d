#include "cli/chat_loop.h"

#include <memory>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "cli/interrupt.h"
#include "cli/line_editor.h"
#include "cli/plain_reader.h"
#include "cli/say.h"

namespace gannet {
namespace {

constexpr const char* kHelp =
    "/clear   forget the conversation\n"
    "/regen   answer the last message again with another seed\n"
    "/exit    leave (/quit, /bye and Ctrl-D too)\n"
    "Pasted text is one message; \"\"\" begins a message of several lines and ends it. Ctrl-C stops an "
    "answer.\n";

constexpr std::string_view kFence = "\"\"\"";
constexpr std::string_view kSpaces = " \t\n\r\f\v";

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) + 1 - first);
}

std::unique_ptr<LineReader> terminal_lines() {
  if (stderr_is_screen())
    if (auto editor = LineEditor::create(ChatHistory::of_user())) return editor;
  return std::make_unique<PlainReader>();
}

struct Message {
  Input input = Input::kLine;
  std::string text;
  bool quoted = false;  // in """: never a command
};

// Lines between """ and """ are one message, so is a line with what was pasted into it.
Message read_message(LineReader& lines) {
  Message m;
  m.input = lines.read("> ", m.text);
  m.quoted = m.input == Input::kLine && trimmed(m.text).starts_with(kFence);
  if (!m.quoted) {
    if (m.text.ends_with('\n')) m.text.pop_back();
    return m;
  }
  std::string& text = m.text;
  text.erase(0, text.find(kFence) + kFence.size());
  while (!trimmed(text).ends_with(kFence)) {
    std::string more;
    const Input input = lines.read(". ", more);
    if (input != Input::kLine) {
      m.input = input == Input::kEnd ? Input::kEnd : Input::kCleared;
      return m;
    }
    text += "\n" + more;
  }
  text.resize(text.rfind(kFence));
  if (text.starts_with('\n')) text.erase(0, 1);
  if (text.ends_with('\n')) text.pop_back();
  return m;
}

// Commands about the conversation. False: it is not known.
bool run_command(std::string_view command, Conversation& conversation, Result<Answer>* answer) {
  if (command == "/clear") {
    conversation.clear();
    put_stderr("forgotten\n");
  } else if (command == "/help") {
    put_stderr(kHelp);
  } else if (command == "/regen") {
    if (conversation.can_regenerate())
      *answer = conversation.again();
    else
      put_stderr("there is nothing to answer again\n");
  } else {
    return false;
  }
  return true;
}

}  // namespace

Result<void> converse(Conversation& conversation, bool single_turn) {
  const std::unique_ptr<LineReader> lines = terminal_lines();
  put_stderr(fmt::format("Gannet: {}. /help lists commands, Ctrl-D leaves.\n", conversation.about()));
  bool asked_to_leave = false;
  while (true) {
    clear_interrupt();
    put_stderr("\n");
    conversation.prepare();
    const Message message = read_message(*lines);
    if (message.input == Input::kEnd) return {};
    if (message.input == Input::kInterrupt && asked_to_leave) return Error(ErrorCode::kInterrupted, "");
    asked_to_leave = message.input == Input::kInterrupt;
    if (asked_to_leave) put_stderr("Ctrl-C once more leaves (or Ctrl-D); /help lists commands\n");
    const std::string_view text = trimmed(message.text);
    if (message.input != Input::kLine || text.empty()) continue;

    lines->remember(message.text);
    Result<Answer> answer = Answer{};
    // A path at the start of a question is no command.
    const std::string_view word = text.substr(0, text.find_first_of(kSpaces));
    const bool command =
        !message.quoted && text.front() == '/' && word.find('/', 1) == std::string_view::npos;
    if (command && (text == "/exit" || text == "/quit" || text == "/bye")) return {};
    if (!command)
      answer = conversation.say(message.text);
    else if (!run_command(text, conversation, &answer))
      put_stderr(fmt::format("there is no command {}; /help lists them\n", text));
    if (answer.ok() && single_turn && !command) return {};
    if (answer.ok()) continue;
    if (answer.error().code() == ErrorCode::kOutput) return answer.take_error();
    // A request that failed (too long, unusable logits) does not end the conversation.
    say("error: {}", answer.error().message());
  }
}

}  // namespace gannet
