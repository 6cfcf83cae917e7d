#include "cli/answer_view.h"

#include <cstdio>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/interrupt.h"
#include "cli/say.h"

namespace gannet {
namespace {

constexpr auto kBetweenStatus = std::chrono::milliseconds(200);

size_t characters(std::string_view text) {
  size_t n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return n;
}

}  // namespace

AnswerView::AnswerView(ThoughtView thoughts)
    : shows_thoughts_(thoughts == ThoughtView::kShown && output_.terminal()) {}

AnswerView::~AnswerView() {
  status("");
  if (thinking_ && shows_thoughts_) output_.dim(false);
}

bool AnswerView::show(const OutputDelta& delta) {
  switch (delta.kind) {
    case OutputDelta::Kind::kReasoning:
      return thought(delta.text);
    case OutputDelta::Kind::kContent:
      if (!delta.text.empty()) {
        end_thoughts();
        content_ = true;
        if (std::exchange(behind_call_, false)) output_.write("\n");
        line_open_ = !delta.text.ends_with('\n');
      }
      return output_.write(delta.text);
    case OutputDelta::Kind::kCall:
      end_thoughts();
      id_ = delta.id;
      name_ = delta.name;
      arguments_.clear();
      return true;
    case OutputDelta::Kind::kArguments:
      arguments_ += delta.text;
      return output_.write("");
    case OutputDelta::Kind::kCallEnd:
      return call_ended(delta.complete);
  }
  return true;
}

bool AnswerView::thought(std::string_view text) {
  if (!thinking_) {
    thinking_ = true;
    began_ = Clock::now();
    if (shows_thoughts_) {
      output_.dim(true);
      output_.write("[Start thinking]\n");
    }
  }
  n_characters_ += characters(text);
  if (shows_thoughts_) return output_.write(text);
  if (stderr_is_screen() && Clock::now() - last_status_ > kBetweenStatus)
    status(fmt::format("thinking, characters: {}", n_characters_));
  return output_.write("");
}

void AnswerView::end_thoughts() {
  if (!thinking_) return;
  thinking_ = false;
  if (shows_thoughts_) {
    output_.write("\n[End thinking]");
    output_.dim(false);
    output_.write("\n\n");
    return;
  }
  status("");
  const double seconds = std::chrono::duration<double>(Clock::now() - began_).count();
  if (stderr_is_screen())
    put_stderr(fmt::format("[thought for {:.1f} s, characters: {}]\n", seconds, n_characters_));
}

// A line of its own, whatever stands in front of it. A call that was cut must not be carried out.
bool AnswerView::call_ended(bool complete) {
  if (!complete) return output_.write("");
  nlohmann::ordered_json call = {{"id", id_}, {"name", name_}};
  call["arguments"] = nlohmann::ordered_json::parse(arguments_, nullptr, /*allow_exceptions=*/false);
  if (call["arguments"].is_discarded()) call["arguments"] = arguments_;
  const bool taken = output_.write(
      (line_open_ ? "\n" : "") + call.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  line_open_ = behind_call_ = true;
  return taken;
}

// One line on stderr that the next one, or nothing, takes the place of.
void AnswerView::status(const std::string& line) {
  if (line.empty() && !status_shown_) return;
  std::fprintf(stderr, "\r\x1b[K%s", line.c_str());
  std::fflush(stderr);
  status_shown_ = !line.empty();
  last_status_ = Clock::now();
}

Result<void> AnswerView::end(bool cut) {
  const bool only_thoughts = thinking_;
  end_thoughts();
  if (only_thoughts && cut && !interrupted())
    say("the answer was cut inside its thoughts; -n gives it more tokens, --reasoning-budget N ends thoughts "
        "after N");
  else if (only_thoughts && !shows_thoughts_)
    say("there was no answer but thoughts; --reasoning-format none shows them");
  return output_.end();
}

}  // namespace gannet
