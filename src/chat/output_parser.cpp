#include "chat/output_parser.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "chat/answer_text.h"
#include "chat/call_text.h"
#include "chat/hermes_call.h"
#include "chat/parameter_types.h"
#include "chat/tagged_call.h"
#include "text/utf8.h"

namespace gannet {

struct OutputParser::Impl {
  explicit Impl(const OutputOptions& o) : options(o), types(o.tools), answer(o) { options.tools = {}; }

  // What a look at the text came to.
  enum class Outcome { kWait, kDone };

  OutputOptions options;
  ParameterTypes types;
  AnswerText answer;

  std::string split;  // the beginning of a character
  std::string text;   // not dealt with yet from `at` on
  size_t at = 0;
  char before = '\n';  // the byte in front of `at`
  bool last = false, cut = false;
  bool raw_call = false;  // a <tool_call> was text; so is its end
  bool done = false, cut_in_call = false;

  std::optional<TaggedCall> tagged;
  std::optional<HermesCall> hermes;
  size_t hermes_at = 0;  // how far it has read; `at` stays at <tool_call> until it is known to be a call
  bool hermes_called = false;

  std::string_view rest() const { return std::string_view(text).substr(at); }
  void go(size_t bytes) {
    if (bytes == 0) return;
    at += bytes;
    before = text[at - 1];
  }
  void as_text(size_t bytes) {
    answer.put(rest().substr(0, bytes));
    go(bytes);
  }
  void take(std::string_view piece);
  void end_call(bool complete);
  void run();
  Outcome step();
  Outcome step_tag();
  Outcome step_tagged();
  Outcome step_hermes();
  Look thought_tag();
  Look call_tag();
  Look quoted(size_t tag) const;
  Look start_call();
};

void OutputParser::Impl::end_call(bool complete) {
  answer.end_call(complete);
  tagged.reset();
  hermes.reset();
  hermes_called = raw_call = false;
  before = '\n';
  cut_in_call |= !complete && cut;
  done = !options.parallel_calls;
}

// Text of whole characters.
void OutputParser::Impl::take(std::string_view piece) {
  if (at > 0) text.erase(0, at);
  hermes_at -= std::min(hermes_at, at);
  at = 0;
  std::string joined;
  if (!split.empty()) {
    joined = std::exchange(split, {}).append(piece);
    piece = joined;
  }
  while (!piece.empty()) {
    const size_t good = utf8_valid_prefix(piece);
    text += piece.substr(0, good);
    piece.remove_prefix(good);
    if (piece.empty()) return;
    const Utf8Step bad = utf8_step(piece);
    if (bad.kind == Utf8Kind::kIncomplete && !last) {
      split = piece;
      return;
    }
    append_utf8(0xFFFD, &text);
    piece.remove_prefix(bad.length);
  }
}

void OutputParser::Impl::run() {
  while (!done && step() == Outcome::kDone) {
  }
  if (done) at = text.size();
}

OutputParser::Impl::Outcome OutputParser::Impl::step() {
  if (tagged) return step_tagged();
  if (hermes) return step_hermes();
  const std::string_view here = rest();
  if (here.empty()) return Outcome::kWait;
  if (here[0] == '<') return step_tag();
  as_text(std::min(here.find('<'), here.size()));
  return Outcome::kDone;
}

// Whether a tag at the start of the text, `tag` bytes long, stands between quotes.
Look OutputParser::Impl::quoted(size_t tag) const {
  if (before != '`' && before != '"' && before != '\'') return Look::kNo;
  if (rest().size() == tag) return last ? Look::kNo : Look::kMore;
  return rest()[tag] == before ? Look::kYes : Look::kNo;
}

// A '<' in text: a tag, the beginning of one, or text.
OutputParser::Impl::Outcome OutputParser::Impl::step_tag() {
  for (const Look look : {options.thoughts ? thought_tag() : Look::kNo,
                          options.calls != CallFormat::kNone ? call_tag() : Look::kNo}) {
    if (look == Look::kYes) return Outcome::kDone;
    if (look == Look::kMore && !last) return Outcome::kWait;
    if (look == Look::kMore && answer.at_border() &&
        !answer.message().calls.empty()) {  // the tag behind a call, cut off
      go(rest().size());
      return Outcome::kDone;
    }
  }
  as_text(1);
  return Outcome::kDone;
}

Look OutputParser::Impl::thought_tag() {
  for (const std::string_view tag : {kThoughtOpen, kThoughtClose}) {
    Look look = Ahead(rest(), last).tag(tag);
    if (look == Look::kNo) continue;
    if (look == Look::kYes)
      look = quoted(tag.size()) == Look::kNo    ? Look::kYes
             : quoted(tag.size()) == Look::kYes ? Look::kNo
                                                : Look::kMore;
    if (look != Look::kYes) return look;
    if (tag == kThoughtClose) {
      if (answer.in_thought()) answer.close_thought();
    } else if (answer.in_thought() ? !answer.at_border() : !answer.at_line_start()) {
      return Look::kNo;  // in the middle of the text
    } else if (!answer.in_thought()) {
      answer.open_thought();
    }
    go(tag.size());
    return Look::kYes;
  }
  return Look::kNo;
}

Look OutputParser::Impl::call_tag() {
  Ahead close(rest(), last);
  if (Look look = close.tag(kCallClose); look != Look::kNo) {
    if (look == Look::kMore) return look;
    if (look = quoted(close.at); look == Look::kMore) return look;
    if (look == Look::kYes || std::exchange(raw_call, false)) {
      as_text(close.at);
    } else {
      go(close.at);
    }
    return Look::kYes;
  }
  const Look look = start_call();
  if (look == Look::kMore && last && cut && rest().size() >= kFunctionOpen.size()) {
    cut_in_call = true;  // of which nothing can be said
    answer.drop_newlines();
    go(rest().size());
    return Look::kYes;
  }
  if (look == Look::kNo && rest().starts_with(kCallOpen)) {
    as_text(kCallOpen.size());
    raw_call = true;
    return Look::kYes;
  }
  return look;
}

// A call at the start of the text: kYes when one has begun.
Look OutputParser::Impl::start_call() {
  Ahead ahead(rest(), last);
  std::string_view name;
  Look look = ahead.tag(kCallOpen);
  if (look == Look::kMore) return look;
  const bool opened = look == Look::kYes;
  if (opened) {
    look = ahead.spaces();
    if (look != Look::kYes) return look;
    if (ahead.next() == '{') {
      hermes.emplace(options.stream_strings);
      hermes_at = at + ahead.at;
      return Look::kYes;
    }
  } else {
    ahead.at = 0;
    if (const Look function = Ahead(rest(), last).tag(kFunctionOpen); function != Look::kYes) return function;
    const std::string_view begun = rest().substr(kFunctionOpen.size(), 300);  // more than a name has
    if (!types.knows_beginning(begun.substr(0, begun.find('>')))) return Look::kNo;
  }
  const size_t head = ahead.at;
  look = ahead.function_head(&name);
  if (look != Look::kYes) return look;
  if (!opened && (!types.knows(name) || before == '`' || before == '"' || before == '\'')) return Look::kNo;
  const size_t behind = head + kFunctionOpen.size() + name.size() + 1;
  answer.begin_call(name);
  tagged.emplace(types, std::string(name), options.stream_strings);
  go(behind);
  return Look::kYes;
}

OutputParser::Impl::Outcome OutputParser::Impl::step_tagged() {
  std::string arguments;
  const TaggedCall::Read read = tagged->read(rest(), last, &arguments);
  answer.add_arguments(arguments);
  go(read.used);
  if (read.step == TaggedCall::Step::kMore) return Outcome::kWait;
  if (read.step == TaggedCall::Step::kEnded) end_call(read.complete && !(read.end_of_text && cut));
  return Outcome::kDone;
}

OutputParser::Impl::Outcome OutputParser::Impl::step_hermes() {
  auto step = HermesCall::Step::kMore;
  size_t read = hermes_at;
  while (read < text.size() && step == HermesCall::Step::kMore) {
    step = hermes->feed(text[read]);
    read += step != HermesCall::Step::kBad;
  }
  hermes_at = read;
  const bool ends = step != HermesCall::Step::kMore || last;
  if (hermes->called()) {
    if (!hermes_called) answer.begin_call(hermes->name());
    hermes_called = true;
    go(read - at);
    const bool complete = !ends || hermes->close();
    answer.add_arguments(hermes->take_arguments());
    if (ends) end_call(complete);
    return ends ? Outcome::kDone : Outcome::kWait;
  }
  if (!ends) return Outcome::kWait;
  hermes.reset();
  if (last && cut && step == HermesCall::Step::kMore) {
    cut_in_call = true;
    answer.drop_newlines();
    go(text.size() - at);
    return Outcome::kDone;
  }
  // Not a call: text. What it holds may be tags, but a long one is not read a second time.
  as_text(read - at > 256 ? read - at : kCallOpen.size());
  raw_call = true;
  return Outcome::kDone;
}

OutputParser::OutputParser(const OutputOptions& options) : impl_(std::make_unique<Impl>(options)) {}
OutputParser::OutputParser(OutputParser&&) noexcept = default;
OutputParser& OutputParser::operator=(OutputParser&&) noexcept = default;
OutputParser::~OutputParser() = default;

std::vector<OutputDelta> OutputParser::feed(std::string_view piece) {
  GANNET_CHECK(!impl_->last, "the answer is finished");
  impl_->take(piece);
  impl_->run();
  return impl_->answer.take_deltas();
}

std::vector<OutputDelta> OutputParser::finish(OutputEnd end) {
  GANNET_CHECK(!impl_->last, "the answer is finished");
  impl_->last = true;
  impl_->cut = end == OutputEnd::kCut;
  impl_->take({});
  impl_->run();
  if (!impl_->done) impl_->answer.finish();
  return impl_->answer.take_deltas();
}

const Message& OutputParser::message() const {
  return impl_->answer.message();
}
bool OutputParser::in_thought() const {
  return impl_->answer.in_thought();
}
bool OutputParser::in_call() const {
  return impl_->tagged || impl_->hermes_called;
}
bool OutputParser::done() const {
  return impl_->done;
}
bool OutputParser::cut_in_call() const {
  return impl_->cut_in_call;
}

}  // namespace gannet
