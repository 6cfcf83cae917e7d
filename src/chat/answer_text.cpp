#include "chat/answer_text.h"

#include <algorithm>
#include <utility>

#include "chat/call_text.h"

namespace gannet {

using Kind = OutputDelta::Kind;

AnswerText::AnswerText(const OutputOptions& options)
    : id_prefix_(options.id_prefix),
      in_content_(options.thoughts_in_content),
      in_thought_(options.thoughts && options.starts_in_thought),
      at_border_(thought_apart()) {
  message_.role = Role::kAssistant;
}

void AnswerText::add(Kind kind, std::string_view more) {
  if (more.empty()) return;
  if (kind == Kind::kContent) message_.content += more;
  if (kind == Kind::kReasoning) {
    if (!message_.reasoning) message_.reasoning.emplace();
    *message_.reasoning += more;
  }
  const bool arguments = kind == Kind::kArguments;
  if (arguments) message_.calls.back().arguments += more;
  const size_t call = arguments ? message_.calls.size() - 1 : 0;
  if (deltas_.empty() || deltas_.back().kind != kind || deltas_.back().call != call) {
    deltas_.push_back({.kind = kind, .text = {}, .call = call, .id = {}, .name = {}});
  }
  deltas_.back().text += more;
}

void AnswerText::put(std::string_view more) {
  const size_t start = std::min(more.find_first_not_of('\n'), more.size());
  newlines_ += start;
  more.remove_prefix(start);
  if (more.empty()) return;
  const size_t end = more.find_last_not_of('\n') + 1;
  const Kind kind = thought_apart() ? Kind::kReasoning : Kind::kContent;
  if (in_thought_ && in_content_) {
    if (!thought_shown_) add(kind, "<think>\n");  // by the prompt
    thought_shown_ = true;
  }
  if (at_border_) {
    const bool empty = thought_apart() ? !message_.reasoning : message_.content.empty();
    newlines_ = empty ? 0 : 1;
  }
  at_border_ = false;
  add(kind, std::string(std::exchange(newlines_, 0), '\n'));
  add(kind, more.substr(0, end));
  newlines_ = more.size() - end;
}

void AnswerText::open_thought() {
  if (in_content_) {
    put(kThoughtOpen);
  } else {
    at_border_ = true;
    newlines_ = 0;
  }
  in_thought_ = thought_shown_ = true;
}

void AnswerText::close_thought() {
  if (in_content_) {
    put(kThoughtClose);
  } else {
    at_border_ = true;
    newlines_ = 0;
  }
  in_thought_ = false;
}

void AnswerText::begin_call(std::string_view name) {
  newlines_ = 0;
  if (in_thought_) {
    if (in_content_) put("\n");
    close_thought();
  }
  const size_t index = message_.calls.size();
  ToolCall call{.id = id_prefix_ + std::to_string(index), .name = std::string(name), .arguments = {}};
  deltas_.push_back({.kind = Kind::kCall, .text = {}, .call = index, .id = call.id, .name = call.name});
  message_.calls.push_back(std::move(call));
}

void AnswerText::add_arguments(std::string_view more) {
  add(Kind::kArguments, more);
}

void AnswerText::end_call(bool complete) {
  message_.calls.back().complete = complete;
  const size_t index = message_.calls.size() - 1;
  deltas_.push_back(
      {.kind = Kind::kCallEnd, .text = {}, .call = index, .id = {}, .name = {}, .complete = complete});
  at_border_ = true;
  newlines_ = 0;
}

void AnswerText::finish() {
  if (!at_border_ && !thought_apart()) add(Kind::kContent, std::string(newlines_, '\n'));
}

std::vector<OutputDelta> AnswerText::take_deltas() {
  return std::exchange(deltas_, {});
}

}  // namespace gannet
