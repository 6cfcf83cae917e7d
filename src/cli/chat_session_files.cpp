// What a chat keeps and changes beside talking: conversations in files, settings.
#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "base/atomic_file.h"
#include "base/printable.h"
#include "chat/reader.h"
#include "cli/chat_session.h"
#include "cli/input_text.h"

namespace gannet {

Result<size_t> ChatSession::attach(std::string text) {
  const auto n_ctx = static_cast<size_t>(session_->options().n_ctx);
  constexpr size_t kMostBytes = 64;  // of a token: what is longer is not worth tokenizing
  text.insert(0, attached_);
  if (text.size() > kMostBytes * n_ctx)
    return Error(ErrorCode::kUsage,
                 fmt::format("{} bytes are too many for a context of {} tokens", text.size(), n_ctx));
  const auto tokens = GANNET_TRY(tokenizer_.encode(text, {.parse_special = false}));
  const size_t room = generator_->room();
  if (tokens.size() > room)
    return Error(
        ErrorCode::kUsage,
        fmt::format(
            "{} tokens are in front of the next message then, {} of the {} of the context are free for "
            "it; /clear forgets all",
            tokens.size(), room, n_ctx));
  attached_ = std::move(text);
  return tokens.size();
}

Result<void> ChatSession::save(const std::string& path) const {
  if (raw()) return Error(ErrorCode::kUsage, "there are no messages without a chat format");
  if (std::ranges::none_of(conversation_.messages, [](const Message& m) { return m.role != Role::kSystem; }))
    return Error(ErrorCode::kUsage, "nothing was said yet");
  nlohmann::ordered_json messages = nlohmann::ordered_json::array(), tools = messages;
  for (const Message& message : conversation_.messages) messages.push_back(message_json(message));
  for (const Tool& tool : options_.tools) tools.push_back(tool.declaration);
  nlohmann::ordered_json all = {{"messages", std::move(messages)}};
  if (!tools.empty()) all["tools"] = std::move(tools);
  return write_file(path, all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

Result<void> ChatSession::load(const std::string& path) {
  if (raw()) return Error(ErrorCode::kUsage, "there are no messages without a chat format");
  const std::string text = GANNET_TRY(read_text(path));
  const auto json = GANNET_TRY(read_json(text, printable(path)));
  Conversation loaded = GANNET_TRY(read_conversation(json));
  if (loaded.messages.back().role == Role::kUser)
    return Error(
        ErrorCode::kUsage,
        fmt::format("{} ends with a message that is not answered; take it out of the file and send it",
                    printable(path)));
  if (!loaded.tools.empty() && options_.tool_choice != "none") {
    if (!template_->facts().tools)
      return Error(ErrorCode::kUsage,
                   fmt::format("{} declares tools, which the chat template does not show", printable(path)));
    options_.tools = std::move(loaded.tools);
    options_.form = "the tools of " + printable(path);
    rules_ = {};
  }
  clear();
  // The system message of this run stands unless the file has one.
  if (loaded.messages.front().role == Role::kSystem) conversation_.messages.clear();
  std::ranges::move(loaded.messages, std::back_inserter(conversation_.messages));
  return {};
}

Result<std::optional<Answer>> ChatSession::give_result(std::string text) {
  std::vector<Message>& messages = conversation_.messages;
  size_t at = messages.size(), n_results = 0;
  while (at > 0 && messages[at - 1].role == Role::kTool) --at, ++n_results;
  if (at == 0 || messages[at - 1].calls.size() <= n_results)
    return Error(ErrorCode::kUsage, "the last answer has no call that waits for a result");
  const std::vector<ToolCall>& calls = messages[at - 1].calls;
  const bool last = n_results + 1 == calls.size();
  messages.push_back({.role = Role::kTool,
                      .content = std::move(text),
                      .call_id = calls[n_results].id,
                      .name = calls[n_results].name});
  if (!last) return std::optional<Answer>();
  auto answered = answer();
  if (messages.back().role != Role::kAssistant) messages.pop_back();
  if (!answered.ok()) return answered.take_error();
  return std::optional(answered.take());
}

// Options that may change while a chat runs.
Options ChatSession::settable() {
  Options options = {
      {.names = "-n,--predict,--n-predict",
       .value = "N",
       .help = "",
       .target = &options_.n_predict,
       .at_least = -1},
  };
  add_sampling_options(options, sampling_);
  return options;
}

Result<void> ChatSession::set(const std::string& typed, const std::string& value) {
  std::string name = typed;
  while (name.starts_with('-')) name.erase(0, 1);
  std::ranges::replace(name, '_', '-');
  const auto is_one_of = [&](std::initializer_list<const char*> words) {
    return std::ranges::find(words, value) != words.end();
  };
  if (name == "thoughts") {
    if (!is_one_of({"shown", "folded"}))
      return Error(ErrorCode::kUsage, "/set thoughts: write shown or folded");
    options_.thoughts = value == "shown" ? ThoughtView::kShown : ThoughtView::kFolded;
    return {};
  }
  if (name == "reasoning") {
    if (!is_one_of({"on", "off", "auto"}))
      return Error(ErrorCode::kUsage, "/set reasoning: write on, off or auto");
    if (value != "auto" && (raw() || template_->facts().thinking_switch.empty()))
      return Error(ErrorCode::kUsage, "/set reasoning: the chat template has no switch for thoughts");
    options_.prompt.thinking = value == "auto" ? std::nullopt : std::optional(value == "on");
    return {};
  }
  const SamplingOptions before = sampling_;
  for (const Option& option : settable()) {
    const auto names = option_names(option);
    if (std::ranges::find(names, "--" + name) == names.end() &&
        std::ranges::find(names, "-" + name) == names.end())
      continue;
    if (value.empty() && !option.is_flag())
      return Error(ErrorCode::kUsage, fmt::format("/set {}: a value is missing", name));
    auto done = set_option(option, value.empty() ? "on" : value, "/set " + name);
    if (done.ok()) {
      auto sampler = remade_sampler(name == "seed");
      if (sampler.ok()) {
        sampler_ = sampler.take();
        return {};
      }
      done = sampler.take_error();
    }
    sampling_ = before;
    return done;
  }
  return Error(
      ErrorCode::kUsage,
      fmt::format("there is no setting {}; sampling options have the names that gannet help run lists",
                  printable(name, 60)));
}

std::string ChatSession::settings() const {
  const SamplingParams& p = sampler_.params();
  return fmt::format(
      "temp {}, top-k {}, top-p {}, min-p {}, repeat-penalty {}, presence-penalty {}, frequency-penalty {}, "
      "seed {}\n"
      "predict {}, thoughts {}, reasoning {}\n"
      "Every option of sampling can be set by its name: /set temp 0.3\n",
      p.temperature, p.top_k, p.top_p, p.min_p, p.repeat_penalty, p.presence_penalty, p.frequency_penalty,
      p.seed, options_.n_predict, options_.thoughts == ThoughtView::kShown ? "shown" : "folded",
      !options_.prompt.thinking   ? "auto"
      : *options_.prompt.thinking ? "on"
                                  : "off");
}

}  // namespace gannet
