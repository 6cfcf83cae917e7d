#include "cli/chat_commands.h"

#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/input_text.h"
#include "cli/say.h"

namespace gannet {
namespace {

constexpr std::string_view kSpaces = " \t";

struct Call {
  ChatSession& session;
  std::string argument;
  CommandOutcome outcome;
};

void help(Call& call);

void leave(Call& call) {
  call.outcome.leave = true;
}

void clear(Call& call) {
  call.session.clear();
  put_stderr("forgotten\n");
}

void regenerate(Call& call) {
  if (!call.session.can_regenerate()) {
    put_stderr("there is nothing to answer again\n");
    return;
  }
  call.outcome.answered = true;
  call.outcome.answer = call.session.again();
}

void read(Call& call) {
  auto text = read_text(call.argument);
  if (!text.ok()) {
    call.outcome.answer = text.take_error();
    return;
  }
  if (!text->empty() && !text->ends_with('\n')) *text += '\n';
  auto attached = call.session.attach(text.take());
  if (attached.ok())
    put_stderr(fmt::format("{} tokens stand in front of your next message\n", *attached));
  else
    call.outcome.answer = attached.take_error().with_context(printable(call.argument));
}

void unread(Call& call) {
  call.session.detach();
  put_stderr("nothing stands in front of your next message\n");
}

void tool(Call& call) {
  auto given = call.session.give_result(call.argument);
  if (!given.ok()) {
    call.outcome.answer = given.take_error();
  } else if (*given) {
    call.outcome.answered = true;
    call.outcome.answer = **given;
  } else {
    put_stderr("the next call waits for its result\n");
  }
}

void set(Call& call) {
  if (call.argument.empty()) {
    put_stderr(call.session.settings());
    return;
  }
  const size_t space = call.argument.find_first_of(kSpaces);
  const std::string name = call.argument.substr(0, space);
  const size_t value = space == std::string::npos ? space : call.argument.find_first_not_of(kSpaces, space);
  if (const auto done = call.session.set(name, value == std::string::npos ? "" : call.argument.substr(value));
      !done.ok())
    call.outcome.answer = done.error();
}

void save(Call& call) {
  // That the file cannot be written does not end the chat, as an error of stdout (kOutput) does.
  if (const auto done = call.session.save(call.argument); !done.ok())
    call.outcome.answer = Error(ErrorCode::kRuntime, done.error().message());
  else
    put_stderr(fmt::format("saved in {}\n", printable(call.argument)));
}

void load(Call& call) {
  if (const auto done = call.session.load(call.argument); !done.ok())
    call.outcome.answer = done.error();
  else
    put_stderr(fmt::format("loaded from {}; the next message goes on with it\n", printable(call.argument)));
}

void thoughts(Call& call) {
  const std::string text = call.session.thoughts();
  put_stderr(text.empty() ? "the last answer had no thoughts\n" : text + "\n");
}

struct Command {
  std::string_view name, argument, what;  // argument: "" for none, in brackets when it may be missing
  void (*run)(Call& call);
};
constexpr std::array kCommands = {
    Command{"/clear", "", "forget the conversation", clear},
    Command{"/regen", "", "answer the last message again with another seed", regenerate},
    Command{"/read", "FILE", "put the text of a file in front of the next message", read},
    Command{"/unread", "", "take back what /read put there", unread},
    Command{"/tool", "RESULT", "what the function gave that the model called", tool},
    Command{"/set", "[NAME VALUE]", "change a setting (temp, seed, predict, thoughts, ...), or show them",
            set},
    Command{"/thoughts", "", "show the thoughts of the last answer", thoughts},
    Command{"/save", "FILE", "write the conversation to a file (JSON)", save},
    Command{"/load", "FILE", "go on with such a file", load},
    Command{"/help", "", "this list", help},
    Command{"/exit", "", "leave (/quit, /bye and Ctrl-D too)", leave},
    Command{"/quit", "", "", leave},
    Command{"/bye", "", "", leave},
};

void help(Call&) {
  std::string text;
  for (const Command& command : kCommands)
    if (!command.what.empty())
      text += fmt::format("{:<20} {}\n", fmt::format("{} {}", command.name, command.argument), command.what);
  put_stderr(
      text +
      "\"\"\"                  begins a message of several lines, and ends it; pasted text is one message\n"
      "Ctrl-C               stops an answer; twice at an empty line: leave\n");
}

}  // namespace

CommandOutcome run_chat_command(std::string_view line, ChatSession& session) {
  const size_t space = std::min(line.find_first_of(kSpaces), line.size());
  const std::string_view name = line.substr(0, space);
  const size_t begin = std::min(line.find_first_not_of(kSpaces, space), line.size());
  Call call{session, std::string(line.substr(begin)), {}};
  const auto command = std::ranges::find(kCommands, name, &Command::name);
  if (command == kCommands.end())
    put_stderr(fmt::format("there is no command {}; /help lists them\n", printable(name, 60)));
  else if (command->argument.empty() && !call.argument.empty())
    put_stderr(fmt::format("{} takes nothing behind it\n", name));
  else if (!command->argument.empty() && command->argument.front() != '[' && call.argument.empty())
    put_stderr(fmt::format("{} needs a {}: {} {}\n", name, command->argument, name, command->argument));
  else
    command->run(call);
  return std::move(call.outcome);
}

}  // namespace gannet
