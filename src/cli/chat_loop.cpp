#include "cli/chat_loop.h"

#include <memory>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "cli/chat_commands.h"
#include "cli/interrupt.h"
#include "cli/line_editor.h"
#include "cli/plain_reader.h"
#include "cli/say.h"

namespace gannet {
namespace {

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

struct TypedMessage {
  Input input = Input::kLine;
  std::string text;
  bool quoted = false;  // in """: never a command
};

// Lines between """ and """ are one message, so is a line with what was pasted into it.
TypedMessage read_message(LineReader& lines) {
  TypedMessage m;
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

}  // namespace

Result<void> converse(ChatSession& session, bool single_turn, const std::function<Result<void>()>& reopen) {
  const std::unique_ptr<LineReader> lines = terminal_lines();
  put_stderr(fmt::format("Gannet: {}.\n/help lists commands, Ctrl-D leaves.\n", session.about()));
  bool asked_to_leave = false;
  while (true) {
    clear_interrupt();
    put_stderr("\n");
    session.prepare();
    const TypedMessage message = read_message(*lines);
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
    const bool command = !message.quoted && text.front() == '/' &&
                         word.find('/', 1) == std::string_view::npos &&
                         text.find('\n') == std::string_view::npos;
    if (command) {
      CommandOutcome outcome = run_chat_command(text, session);
      if (outcome.leave) return {};
      answer = std::move(outcome.answer);
    } else {
      answer = session.say(message.text);
    }
    if (answer.ok() && single_turn && !command) return {};
    if (answer.ok()) continue;
    if (answer.error().code() == ErrorCode::kOutput) return answer.take_error();
    if (answer.error().code() == ErrorCode::kInterrupted) continue;
    // A request that failed (too long, unusable logits) does not end the conversation.
    say("error: {}", answer.error().message());
    if (answer.error().code() == ErrorCode::kDevice) GANNET_TRY(reopen());
  }
}

}  // namespace gannet
