// `gannet run`: one answer to a prompt, or a conversation at the terminal. The answer goes to stdout and
// nothing else.
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/mapped_file.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/model_options.h"
#include "cli/profile.h"
#include "cli/read_bandwidth.h"
#include "cli/sampling_options.h"
#include "engine/chat.h"
#include "engine/generator.h"
#include "engine/vocabulary_from_gguf.h"

namespace gannet {
namespace {

struct RunOptions {
  ModelOptions model;
  SamplingOptions sampling;
  std::vector<std::string> words;
  std::string prompt, file, system;
  int64_t n_predict = -1;
  bool raw = false, timings = false, profile = false;
  std::string trace;  // empty: none
};

constexpr const char* kHelp =
    "/clear   forget the conversation\n"
    "/regen   answer the last message again with another seed\n"
    "/exit    leave (Ctrl-D too); Ctrl-C stops an answer\n";

class Conversation {
 public:
  Conversation(const RunOptions& options, Session& session, const Tokenizer& tokenizer, Sampler sampler)
      : o_(options),
        tokenizer_(tokenizer),
        sampler_(std::move(sampler)),
        generator_(session, tokenizer, sampler_),
        raw_(options.raw || !has_chat_markers(tokenizer)) {}

  Result<Answer> say(const std::string& text) {
    std::vector<TokenId> tokens;
    if (raw_) {
      tokens = GANNET_TRY(
          tokenizer_.encode(text, {.add_special = generator_.history().empty(), .parse_special = true}));
    } else {
      const bool continued = !generator_.history().empty();
      const bool closed = continued && tokenizer_.vocabulary().is_end(generator_.history().back());
      tokens = GANNET_TRY(chat_tokens(tokenizer_, {.system = continued ? "" : std::string_view(o_.system),
                                                   .user = text,
                                                   .continued = continued,
                                                   .closed = closed}));
    }
    last_text_ = text;
    const Answer answer = GANNET_TRY(generator_.generate(tokens, o_.n_predict, [](std::string_view piece) {
      if (!piece.empty()) std::fwrite(piece.data(), 1, piece.size(), stdout);
      return std::fflush(stdout) == 0 && !interrupted();
    }));
    report(answer);
    return answer;
  }

  Result<Answer> again() {
    generator_.undo();
    SamplingParams params = sampler_.params();
    ++params.seed;
    sampler_ = GANNET_TRY(Sampler::create(params, tokenizer_.vocabulary().size()));
    return say(last_text_);
  }

  bool can_regenerate() const { return !last_text_.empty(); }
  void clear() {
    generator_.clear();
    last_text_.clear();
  }

 private:
  void report(const Answer& a) const {
    if (a.reason == FinishReason::kContextFull)
      fmt::print(stderr, "\ngannet: the context of the model is full; /clear or a larger --ctx-size helps\n");
    if (!o_.timings) return;
    const double prompt_rate = a.prompt_seconds > 0 ? static_cast<double>(a.n_prompt) / a.prompt_seconds : 0;
    // The first token costs no decode step.
    const double steps = a.n_generated > 1 ? static_cast<double>(a.n_generated - 1) : 0;
    fmt::print(stderr, "\n[prompt {} tokens, {:.1f} t/s; answer {} tokens, {:.1f} t/s; seed {}]\n",
               a.n_prompt, prompt_rate, a.n_generated,
               a.generate_seconds > 0 ? steps / a.generate_seconds : 0, sampler_.params().seed);
  }

  const RunOptions& o_;
  const Tokenizer& tokenizer_;
  Sampler sampler_;
  Generator generator_;
  bool raw_;
  std::string last_text_;
};

Result<void> converse(Conversation& conversation) {
  fmt::print(stderr, "Gannet. /help lists commands, Ctrl-D leaves.\n");
  std::string line;
  while (true) {
    clear_interrupt();
    fmt::print(stderr, "\n> ");
    std::fflush(stderr);
    if (!std::getline(std::cin, line)) {
      if (interrupted()) return Error(ErrorCode::kInterrupted, "");
      fmt::print(stderr, "\n");
      return {};
    }
    if (line.empty()) continue;
    if (line == "/exit" || line == "/bye") return {};
    if (line == "/clear") {
      conversation.clear();
      fmt::print(stderr, "forgotten\n");
      continue;
    }
    if (line == "/help" || (line[0] == '/' && line != "/regen" && line.find(' ') == std::string::npos)) {
      if (line != "/help") fmt::print(stderr, "there is no command {}\n", line);
      fmt::print(stderr, "{}", kHelp);
      continue;
    }
    if (line == "/regen" && !conversation.can_regenerate()) {
      fmt::print(stderr, "there is nothing to answer again\n");
      continue;
    }
    auto answer = line == "/regen" ? conversation.again() : conversation.say(line);
    fmt::print("\n");
    std::fflush(stdout);
    // A request that failed (too long, unusable logits) does not end the conversation.
    if (!answer.ok()) fmt::print(stderr, "gannet: error: {}\n", answer.error().message());
  }
}

Result<std::string> prompt_text(const RunOptions& o) {
  if (!o.words.empty()) return fmt::format("{}", fmt::join(o.words, " "));
  if (!o.prompt.empty()) return o.prompt;
  if (!o.file.empty() && o.file != "-") {
    const MappedFile file = GANNET_TRY(MappedFile::open(o.file));
    return std::string(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  }
  if (o.file == "-" || isatty(STDIN_FILENO) == 0)
    return std::string(std::istreambuf_iterator<char>(std::cin), {});
  return std::string();
}

Result<void> report_profile(const RunOptions& o, const Session& session) {
  const auto profiles = session.profiles();
  if (o.profile) {
    const double bandwidth = GANNET_TRY(read_bandwidth(session.options().n_threads, session.options().cpus));
    fmt::print(stderr, "{}", profile_text(profiles, bandwidth));
  }
  if (o.trace.empty()) return {};
  ProfileTrace trace;
  trace.add("run", profiles);
  return trace.write(o.trace);
}

Result<void> run_model(const RunOptions& o) {
  const std::string prompt = GANNET_TRY(prompt_text(o));
  const bool interactive = prompt.empty() && isatty(STDIN_FILENO) == 1 && o.file.empty();
  if (prompt.empty() && !interactive)
    return Error(ErrorCode::kUsage, "there is no prompt: give it as an argument, with -f FILE or on stdin");
  auto model = GANNET_TRY(load_model(o.model));
  const Tokenizer tokenizer = GANNET_TRY(tokenizer_from_gguf(model->file()));
  const SessionOptions options = GANNET_TRY(session_options(o.model));
  say_bisect(options.graph);
  auto session = GANNET_TRY(Session::create(model, options));
  session->set_profiling(o.profile || !o.trace.empty());
  const SamplingParams params = GANNET_TRY(sampling_params(o.sampling, model->file()));
  Sampler sampler = GANNET_TRY(Sampler::create(params, tokenizer.vocabulary().size()));
  Conversation conversation(o, *session, tokenizer, std::move(sampler));

  catch_interrupts();
  if (interactive) {
    GANNET_TRY(converse(conversation));
    return report_profile(o, *session);
  }
  const Answer answer = GANNET_TRY(conversation.say(prompt));
  if (isatty(STDOUT_FILENO) == 1 || answer.n_generated > 0) fmt::print("\n");
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    return Error(ErrorCode::kOutput, "stdout cannot be written");
  if (o.model.verbose) fmt::print(stderr, "gannet: {}\n", model->memory().text());
  GANNET_TRY(report_profile(o, *session));
  if (interrupted()) return Error(ErrorCode::kInterrupted, "");
  return {};
}

}  // namespace

void add_run_command(CLI::App& app, Action& action) {
  auto o = std::make_shared<RunOptions>();
  CLI::App* sub = app.add_subcommand("run", "Answer a prompt, or chat at the terminal when there is none");
  add_model_option(*sub, o->model);
  sub->add_option("PROMPT", o->words, "What to answer");
  sub->add_option("-p,--prompt", o->prompt, "The same as an option");
  sub->add_option("-f,--file", o->file, "Read the prompt from this file (- for stdin)");
  sub->add_option("--system-prompt", o->system, "-sys TEXT: instructions in front of the conversation");
  sub->add_option("-n,--predict,--n-predict", o->n_predict,
                  "Most tokens to generate; -1: until the answer ends")
      ->envname("GANNET_ARG_N_PREDICT")
      ->capture_default_str();
  sub->add_flag("--raw", o->raw, "Continue the text as it is, without chat format");
  sub->add_flag("--timings", o->timings, "Print token counts and rates to stderr");
  sub->add_flag("--profile", o->profile, "Time every step; print a table by op and kernel to stderr");
  sub->add_option("--profile-trace", o->trace,
                  "Write the steps of the last runs to this file, for trace viewers (JSON)");
  add_sampling_options(*sub, o->sampling);
  add_session_options(*sub, o->model);
  add_bisect_options(*sub, o->model.graph);
  sub->callback([o, &action] { action = [o] { return run_model(*o); }; });
}

}  // namespace gannet
