// `gannet run`: one answer to a prompt, or a conversation at the terminal. The answer goes to stdout and
// nothing else.
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/mapped_file.h"
#include "cli/chat_loop.h"
#include "cli/command.h"
#include "cli/conversation.h"
#include "cli/interrupt.h"
#include "cli/model_options.h"
#include "cli/profile.h"
#include "cli/read_bandwidth.h"
#include "cli/sampling_options.h"
#include "engine/vocabulary_from_gguf.h"

namespace gannet {
namespace {

struct RunOptions {
  ModelOptions model;
  SamplingOptions sampling;
  ConversationOptions conversation;
  std::vector<std::string> words;
  std::string prompt, file;
  bool profile = false;
  std::string trace;  // empty: none
};

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
  Conversation conversation(o.conversation, *session, tokenizer, std::move(sampler));

  catch_interrupts();
  if (interactive) {
    GANNET_TRY(converse(conversation));
    return report_profile(o, *session);
  }
  GANNET_TRY(conversation.say(prompt));
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
  sub->add_option("--system-prompt", o->conversation.system,
                  "-sys TEXT: instructions in front of the conversation");
  sub->add_option("-n,--predict,--n-predict", o->conversation.n_predict,
                  "Most tokens to generate; -1: until the answer ends")
      ->envname("GANNET_ARG_N_PREDICT")
      ->capture_default_str();
  sub->add_flag("--raw", o->conversation.raw, "Continue the text as it is, without chat format");
  sub->add_flag("--timings", o->conversation.timings, "Print token counts and rates to stderr");
  sub->add_flag("--profile", o->profile, "Time every step; print a table by op and kernel to stderr");
  sub->add_option("--profile-trace", o->trace,
                  "Write the steps of the last runs to this file, for trace viewers (JSON)");
  add_sampling_options(*sub, o->sampling);
  add_session_options(*sub, o->model);
  add_bisect_options(*sub, o->model.graph);
  sub->callback([o, &action] { action = [o] { return run_model(*o); }; });
}

}  // namespace gannet
