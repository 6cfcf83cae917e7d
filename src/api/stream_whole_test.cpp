// Every dialect: a stream put together again says what the whole answer says, whatever the model wrote and
// however it was cut into pieces.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "api/answer_join_for_test.h"
#include "api/answer_writer.h"
#include "chat/output_parser.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

Tool tool() {
  return {"sh",
          Json::parse(R"({"type": "function", "function": {"name": "sh", "parameters": {"type": "object",
      "properties": {"cmd": {"type": "string"}, "n": {"type": "integer"}}}}})")};
}

// What models write, in an order that they might not.
std::string gen_answer() {
  static const std::vector<std::string> kPieces{
      "Hello",
      " world\n",
      "{\"a\": [1]}",
      "\"",
      "\\",
      "é",
      "\xF0\x9F\x98\x80",
      "\xC3",
      "data: [DONE]\n\n",
      "<think>",
      "</think>",
      "hm, let me see",
      "<tool_call>\n<function=sh>\n<parameter=cmd>\nls -l \"x\"\n</parameter>\n</function>\n</tool_call>",
      "<tool_call>\n<function=sh>\n</function>\n</tool_call>",
      "<tool_call>\n<function=sh>\n<parameter=n>\n12\n</parameter>\n<parameter=cmd>\na\nb"};
  const auto picked = *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(kPieces));
  std::string text;
  for (const std::string& piece : picked) text += piece;
  return text;
}

std::vector<GenerationEvent> gen_choice(Dialect dialect, size_t choice, bool log_probs) {
  const std::string text = gen_answer();
  const bool raw =
      dialect == Dialect::kCompletion || dialect == Dialect::kNative || dialect == Dialect::kInfill;
  const std::vector<Tool> tools{tool()};
  OutputParser parser({.calls = raw ? CallFormat::kNone : CallFormat::kTagged,
                       .tools = tools,
                       .thoughts = !raw,
                       .starts_in_thought = !raw && *rc::gen::arbitrary<bool>(),
                       .id_prefix = call_id_prefix(dialect, "u", choice)});
  std::vector<GenerationEvent> events;
  const Usage prompt{.prompt = 10, .cached = 4, .uncached_reason = "the rest is new"};
  events.push_back(AnswerStarted{choice, prompt, 1});
  size_t n_tokens = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t size = *rc::gen::inRange<size_t>(1, 12);
    const std::string piece = text.substr(at, size);
    at += size;
    ++n_tokens;
    AnswerPiece event{.choice = choice, .deltas = parser.feed(piece)};
    if (log_probs) event.tokens.push_back({7, piece, -0.5f, {{7, piece, -0.5f}, {8, "x", -2.0f}}});
    events.push_back(std::move(event));
    if (*rc::gen::inRange(0, 8) == 0) events.push_back(PromptProgress{choice, 10, 4, 7, 1.5});
  }
  const auto end = *rc::gen::element(AnswerEnd::kStop, AnswerEnd::kStopText, AnswerEnd::kLength,
                                     AnswerEnd::kContextFull, AnswerEnd::kRepetition, AnswerEnd::kCancelled);
  const bool cut = end != AnswerEnd::kStop;
  events.push_back(
      AnswerPiece{.choice = choice, .deltas = parser.finish(cut ? OutputEnd::kCut : OutputEnd::kStop)});
  Usage usage = prompt;
  usage.completion = static_cast<int64_t>(n_tokens);
  usage.reasoning = usage.completion / 2;
  events.push_back(AnswerFinished{
      .choice = choice,
      .end = end,
      .stop_text = end == AnswerEnd::kStopText ? "STOP" : "",
      .usage = usage,
      .timings = {.cache_n = 4, .prompt_n = 6, .predicted_n = 3, .prompt_ms = 2, .predicted_ms = 8}});
  return events;
}

std::string bytes_of(GenerationRequest request, bool stream, const std::vector<GenerationEvent>& events) {
  request.stream = stream;
  auto writer = make_answer_writer(request, {.unique = "u", .created = 5, .model = "m", .fingerprint = "f"});
  std::string bytes;
  for (const auto& event : events) {
    bytes += writer->write(event);
    if (stream && !writer->done()) bytes += writer->ping();
  }
  RC_ASSERT(writer->done());
  return bytes;
}

RC_GTEST_PROP(Answers, StreamsSayWhatWholeOnesSay, ()) {
  GenerationRequest request;
  request.dialect = *rc::gen::elementOf(std::vector<Dialect>(std::begin(kDialects), std::end(kDialects)));
  request.log_probs = request.dialect != Dialect::kMessages && *rc::gen::arbitrary<bool>();
  request.return_tokens = request.log_probs;
  request.include_usage = true;
  request.return_progress = *rc::gen::arbitrary<bool>();
  request.encrypted_reasoning = *rc::gen::arbitrary<bool>();
  const bool many = request.dialect == Dialect::kChat || request.dialect == Dialect::kCompletion ||
                    request.dialect == Dialect::kNative;
  request.n = many ? *rc::gen::inRange(1, 4) : 1;
  request.input = RawInput{{RawPrompt{{"p"}}}};

  // The choices run beside each other.
  std::vector<std::vector<GenerationEvent>> choices;
  for (size_t i = 0; i < request.n_choices(); ++i) {
    choices.push_back(gen_choice(request.dialect, i, request.log_probs));
  }
  std::vector<GenerationEvent> events;
  std::vector<size_t> at(choices.size());
  for (bool more = true; more;) {
    more = false;
    for (size_t i = 0; i < choices.size(); ++i) {
      for (int n = *rc::gen::inRange(1, 4); n > 0 && at[i] < choices[i].size(); --n) {
        events.push_back(choices[i][at[i]++]);
      }
      more = more || at[i] < choices[i].size();
    }
  }
  const std::string stream = bytes_of(request, true, events);
  Json whole = Json::parse(bytes_of(request, false, events));
  // Whose keys stand where is not said twice.
  const nlohmann::json wanted = comparable(request.dialect, std::move(whole));
  const nlohmann::json got = joined(request.dialect, stream);
  RC_LOG() << stream << std::endl << wanted.dump() << std::endl << got.dump() << std::endl;
  const bool same = got == wanted;
  RC_ASSERT(same);
  RC_ASSERT(!testing::Test::HasFailure());
}

}  // namespace
}  // namespace gannet
